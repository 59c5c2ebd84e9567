/**
 * Sliding windows over one queue of events: true per-event windows, no panes.
 *
 * A queue is one plain array of numbers, since a payment's cost is the memory it touches (all steps
 * together: 0.6 µs with the states of 50 users in the cache, 2.7 µs with those of 2,000). In front
 * each window's two numbers, index of its first member and sum; then the events, oldest first,
 * `stride` numbers each: minute, amount, then what the operator likes. Minutes never go back (the
 * key's clock sees to that).
 *
 *   | from sum | from sum | …own | minute amount … | minute amount … |
 *                                  ^ eventsAt
 *
 * W1  A window of m minutes at minute t holds the events with t - m < minute <= t.
 * W2  `sum` equals the amounts of its members added oldest first, to the last bit. While only new
 *     events come, adding to the running sum is that same addition; when an old one leaves, the sum
 *     is made anew. Events leave only when the minute changes, so a card with many payments a
 *     minute costs no more a payment than one with few.
 */
import { decodeAmount, encodeAmount } from './encoded.ts';

export interface QueueShape {
  /** Index of the first event: the numbers in front are the windows', then the operator's own. */
  readonly eventsAt: number;
  /** Numbers an event takes. */
  readonly stride: number;
}

export interface WindowRule extends QueueShape {
  /** Index of the window's two numbers: `from`, then `sum`. */
  readonly at: number;
  readonly minutes: number;
}

/**
 * V8 grows an array by half of it and 16 numbers, which a key with few events never fills. A queue
 * begins with room for two.
 */
const ROOM_EVENTS = 2;

/** An empty queue, to be copied for each state: its events are room for the first two. */
export function emptyQueue(windows: readonly WindowRule[]): readonly number[] {
  const { eventsAt, stride } = windows[0] as WindowRule;
  // V8 keeps an array that once held a fraction, and its copies, as plain doubles: all queues then
  // have one representation, and none is converted when its first amount with cents comes.
  const queue = [0.5];
  queue[0] = 0;
  while (queue.length < eventsAt + ROOM_EVENTS * stride) queue.push(0);
  for (const { at } of windows) queue[at] = eventsAt;
  return queue;
}

/** An empty queue of its own for each state. */
export function newQueue(empty: readonly number[], { eventsAt }: QueueShape): number[] {
  const queue = empty.slice();
  queue.length = eventsAt;
  return queue;
}

/**
 * Moves a window on to the event that was just put at the queue's end.
 * @returns true when events have left it
 */
export function slide(queue: number[], rule: WindowRule): boolean {
  const { at, stride } = rule;
  const last = queue.length - stride;
  const edge = (queue[last] as number) - rule.minutes;
  const first = queue[at] as number;
  let from = first;
  while ((queue[from] as number) <= edge) from += stride; // ends at `last`, which is past the edge
  if (from === first) {
    queue[at + 1] = (queue[at + 1] as number) + (queue[last + 1] as number);
    return false;
  }
  let sum = 0;
  for (let i = from + 1; i < queue.length; i += stride) sum += queue[i] as number;
  queue[at] = from;
  queue[at + 1] = sum;
  return true;
}

export function windowFrom(queue: readonly number[], rule: WindowRule): number {
  return queue[rule.at] as number;
}

export function windowSum(queue: readonly number[], rule: WindowRule): number {
  return queue[rule.at + 1] as number;
}

export function windowCount(queue: readonly number[], rule: WindowRule): number {
  return (queue.length - (queue[rule.at] as number)) / rule.stride;
}

/**
 * Drops the events that are in no window any more, once they are a quarter of all: so an event is
 * moved about three times in its life, and memory stays below 4/3 of what the longest window holds.
 * @param windows the longest last
 */
export function trim(queue: number[], windows: readonly WindowRule[]): void {
  const longest = windows[windows.length - 1] as WindowRule;
  const { eventsAt } = longest;
  const unused = windowFrom(queue, longest) - eventsAt;
  if (unused * 4 < queue.length - eventsAt) return;
  const length = queue.length - unused;
  for (let i = eventsAt; i < length; i++) queue[i] = queue[i + unused] as number;
  queue.length = length;
  for (const { at } of windows) queue[at] = (queue[at] as number) - unused;
}

/**
 * The longest window's events, oldest first: minutes as the gap to the one before, amounts in
 * cents.
 */
export function encodeQueue(queue: readonly number[], longest: WindowRule): number[] {
  const events = queue.slice(windowFrom(queue, longest));
  let previous = 0;
  for (let i = 0; i < events.length; i += longest.stride) {
    const minute = events[i] as number;
    events[i] = minute - previous;
    events[i + 1] = encodeAmount(events[i + 1] as number);
    previous = minute;
  }
  return events;
}

/** The queue as the steps left it that `encodeQueue` has seen; the operator's own numbers are 0. */
export function decodeQueue(events: readonly number[], windows: readonly WindowRule[]): number[] {
  const { eventsAt, stride } = windows[0] as WindowRule;
  const queue = emptyQueue(windows).slice(0, eventsAt);
  let minute = 0;
  for (let i = 0; i < events.length; i++) {
    const value = events[i] as number;
    const part = i % stride;
    if (part === 0) minute += value;
    queue.push(part === 0 ? minute : part === 1 ? decodeAmount(value) : value);
  }
  for (const rule of windows) refill(queue, rule);
  return fitted(queue, stride);
}

/** A copy whose capacity is what it holds, and room for two events. */
function fitted(queue: number[], stride: number): number[] {
  const { length } = queue;
  for (let i = 0; i < ROOM_EVENTS * stride; i++) queue.push(0);
  const copy = queue.slice();
  copy.length = length;
  return copy;
}

function refill(queue: number[], { at, eventsAt, stride, minutes }: WindowRule): void {
  let from = eventsAt;
  while ((queue[from] as number) <= (queue[queue.length - stride] as number) - minutes) {
    from += stride;
  }
  let sum = 0;
  for (let i = from + 1; i < queue.length; i += stride) sum += queue[i] as number;
  queue[at] = from;
  queue[at + 1] = sum;
}
