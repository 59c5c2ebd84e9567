/**
 * Sliding windows over one queue of events: true per-event windows, no panes.
 *
 * A queue is a plain array of numbers, oldest event first, `stride` numbers an event: its minute, its
 * amount, then what the operator likes. Minutes never go back (the key's clock sees to that).
 *
 * W1  A window of m minutes at minute t holds the events with t - m < minute <= t.
 * W2  `sum` equals the amounts of its members added oldest first, to the last bit. While only new
 *     events come, adding to the running sum is that same addition; when an old one leaves, the sum
 *     is made anew. Events leave only when the minute changes, so a card with many payments a minute
 *     costs no more a payment than one with few.
 */
import { decodeAmount, encodeAmount } from './encoded.ts';

export interface Window {
  /** Index in the queue of the first member. */
  from: number;
  sum: number;
}

export interface WindowRule {
  readonly minutes: number;
  /** Numbers an event takes in the queue. */
  readonly stride: number;
}

export function createWindow(): Window {
  return { from: 0, sum: 0 };
}

/** Moves a window on to the event that was just put at the queue's end. */
export function slide(window: Window, queue: readonly number[], rule: WindowRule): void {
  const { stride } = rule;
  const last = queue.length - stride;
  const edge = (queue[last] as number) - rule.minutes;
  let { from } = window;
  while ((queue[from] as number) <= edge) from += stride; // ends at `last`, which is past the edge
  if (from === window.from) {
    window.sum += queue[last + 1] as number;
    return;
  }
  let sum = 0;
  for (let at = from + 1; at < queue.length; at += stride) sum += queue[at] as number;
  window.from = from;
  window.sum = sum;
}

export function windowCount(window: Window, queue: readonly number[], rule: WindowRule): number {
  return (queue.length - window.from) / rule.stride;
}

/** The window as `slide` left it after the queue's last event. */
export function windowOver(queue: readonly number[], rule: WindowRule): Window {
  const window = createWindow();
  if (queue.length === 0) return window;
  const edge = (queue[queue.length - rule.stride] as number) - rule.minutes;
  while ((queue[window.from] as number) <= edge) window.from += rule.stride;
  for (let at = window.from + 1; at < queue.length; at += rule.stride) {
    window.sum += queue[at] as number;
  }
  return window;
}

/**
 * True when at least half of the queue is in no window any more: time to drop it. So an event is moved
 * about once in its life, and memory stays below twice what the longest window holds.
 */
export function isHalfUnused(queue: readonly number[], longest: Window): boolean {
  return longest.from * 2 >= queue.length;
}

export function dropFront(queue: number[], count: number): void {
  const left = queue.length - count;
  for (let i = 0; i < left; i++) queue[i] = queue[i + count] as number;
  queue.length = left;
}

/** The longest window's events, oldest first: minutes as the gap to the one before, amounts in cents. */
export function encodeQueue(queue: readonly number[], longest: Window, stride: number): number[] {
  const encoded = queue.slice(longest.from);
  let previous = 0;
  for (let at = 0; at < encoded.length; at += stride) {
    const minute = encoded[at] as number;
    encoded[at] = minute - previous;
    encoded[at + 1] = encodeAmount(encoded[at + 1] as number);
    previous = minute;
  }
  return encoded;
}

export function decodeQueue(encoded: readonly number[], stride: number): number[] {
  const queue = encoded.slice();
  let minute = 0;
  for (let at = 0; at < queue.length; at += stride) {
    minute += queue[at] as number;
    queue[at] = minute;
    queue[at + 1] = decodeAmount(queue[at + 1] as number);
  }
  return queue;
}
