/**
 * Puts the world's payments on the log: packed batches, one for each partition, at a wall-clock
 * rate. Event time goes as fast as the rate says: 2,000 people make about 4,700 payments a day, so
 * at 500 payments/s a day of theirs passes in ten seconds. Record timestamps are the time of
 * production.
 *
 * P1  All payments up to an idx are appended before any later one: one append call at a time, in
 *     order.
 * P2  The number produced by a moment is rate x time, without drift; what a slow log delayed is
 *     made up, up to DEBT_MS_MAX.
 * P3  No card number and no CVV goes to a topic.
 */
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { Append } from '../core/log.ts';
import { PackedRecordsBuilder } from '../core/records.ts';
import { type Payment, PaymentStream, type StreamPosition } from './payments.ts';
import type { World } from './people.ts';
import { cardJson, cardProfile, userJson, userProfile } from './profiles.ts';
import { paymentJson } from './texts.ts';

export type AppendRecords = (appends: readonly Append[]) => Promise<unknown>;

export interface ProducerOptions {
  readonly append: AppendRecords;
  readonly world: World;
  readonly partitions: number;
  readonly topic: string;
  readonly ratePerSecond: number | 'max';
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Time between two appends at a fixed rate. Default 5. */
  readonly lingerMs?: number;
  readonly until?: { readonly payments?: number; readonly minute?: number };
  /** Where to go on; default: the beginning of the world. See `positionAfter`. */
  readonly position?: StreamPosition;
  /** Called after each append. */
  readonly progress?: (done: ProducerReport) => void;
}

export interface ProducerReport {
  /** Payments appended by this run. */
  readonly payments: number;
  readonly frauds: number;
  /** The position after the last payment that was appended. */
  readonly position: StreamPosition;
}

/**
 * Records of a partition in one append at full speed; at a rate, what is due (bounded by the same).
 */
const BATCH_RECORDS = 1000;
/** After a longer stall (a laptop that slept) the rate starts anew instead of flooding the log. */
const DEBT_MS_MAX = 5_000;

/** Produces until it is aborted or the end is reached; a payment is appended whole or not begun. */
export async function runProducer(options: ProducerOptions): Promise<ProducerReport> {
  const { clock, signal, ratePerSecond, lingerMs = 5 } = options;
  assert(ratePerSecond === 'max' || ratePerSecond > 0, 'a rate is above 0');
  const run = new Production(options);
  let startMs = clock.nowMs();
  let base = 0;
  while (!signal.aborted && !run.done) {
    if (ratePerSecond === 'max') {
      await run.produce(run.capacity);
      await clock.yield();
      continue;
    }
    const elapsedMs = clock.nowMs() - startMs;
    const due = base + Math.floor((elapsedMs * ratePerSecond) / 1000) - run.payments;
    if (due > (DEBT_MS_MAX * ratePerSecond) / 1000 + run.capacity) {
      startMs = clock.nowMs();
      base = run.payments;
    } else if (due > 0) {
      await run.produce(Math.min(due, run.capacity));
    }
    if (due <= run.capacity) await clock.sleep(lingerMs, signal);
  }
  return run.report;
}

class Production {
  readonly capacity: number;
  readonly #options: ProducerOptions;
  readonly #stream: PaymentStream;
  readonly #packer: Packer;
  readonly #left: { payments: number };
  #report: ProducerReport;
  #ended = false;

  constructor(options: ProducerOptions) {
    const { world, position, until, partitions, topic } = options;
    this.#options = options;
    this.#stream = new PaymentStream(world, {
      ...(position === undefined ? {} : { position }),
      ...(until?.minute === undefined ? {} : { untilMinute: until.minute }),
    });
    this.#packer = new Packer(topic, partitions);
    this.#left = { payments: until?.payments ?? Infinity };
    this.#report = { payments: 0, frauds: 0, position: this.#stream.position };
    this.capacity = BATCH_RECORDS * partitions;
  }

  get report(): ProducerReport {
    return this.#report;
  }

  get payments(): number {
    return this.#report.payments;
  }

  get done(): boolean {
    return this.#ended || this.#left.payments <= this.#report.payments;
  }

  /** Appends the next `count` payments, or as many as there are. */
  async produce(count: number): Promise<void> {
    const { clock, append, progress } = this.#options;
    const timestampMs = clock.nowMs();
    let { payments, frauds } = this.#report;
    const end = Math.min(payments + count, this.#left.payments);
    while (payments < end) {
      const { value } = this.#stream.next();
      if (value === undefined) {
        this.#ended = true;
        break;
      }
      this.#packer.add(value, timestampMs);
      payments++;
      if (value.fraud) frauds++;
    }
    const appends = this.#packer.finish();
    if (appends.length > 0) await append(appends);
    this.#report = { payments, frauds, position: this.#stream.position };
    progress?.(this.#report);
  }
}

/** Payments by partition: user mod the number of partitions. */
class Packer {
  readonly #topic: string;
  readonly #builders: readonly PackedRecordsBuilder[];

  constructor(topic: string, partitions: number) {
    this.#topic = topic;
    this.#builders = Array.from({ length: partitions }, () => new PackedRecordsBuilder());
  }

  add(payment: Payment, timestampMs: number): void {
    this.put(payment.user, { key: String(payment.user), value: paymentJson(payment), timestampMs });
  }

  put(user: number, record: { key: string; value: string; timestampMs: number }): void {
    this.#builders[user % this.#builders.length]?.add(record);
  }

  finish(): Append[] {
    return this.#builders.flatMap((builder, partition) =>
      builder.count === 0 ? [] : [{ topic: this.#topic, partition, records: builder.finish() }],
    );
  }
}

export interface ProfileOptions {
  readonly append: AppendRecords;
  readonly world: World;
  readonly partitions: number;
  readonly usersTopic: string;
  readonly cardsTopic: string;
  readonly clock: Clock;
}

/** Users of one append; each has three cards or so. */
const PROFILE_USERS = 2_000;

/** Appends the profiles of all users and cards: once, before the first payment. */
export async function appendProfiles(options: ProfileOptions): Promise<void> {
  const { append, world, partitions, usersTopic, cardsTopic, clock } = options;
  const [users, cards] = [new Packer(usersTopic, partitions), new Packer(cardsTopic, partitions)];
  for (let from = 0; from < world.users; from += PROFILE_USERS) {
    const timestampMs = clock.nowMs();
    for (let user = from; user < Math.min(from + PROFILE_USERS, world.users); user++) {
      const key = String(user);
      users.put(user, { key, value: userJson(userProfile(world, user)), timestampMs });
      for (let card = 0; card < (world.cardCounts[user] as number); card++) {
        const value = cardJson(cardProfile(world, user, card));
        cards.put(user, { key: `${user}:${card}`, value, timestampMs });
      }
    }
    await append([...users.finish(), ...cards.finish()]);
    await clock.yield();
  }
}
