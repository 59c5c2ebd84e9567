/**
 * Brings the records of a topic that is keyed otherwise to their users' partitions of an internal
 * topic, exactly once.
 *
 * Y2  A round is packed and handed to the log without a pause; one commit is under way at a time.
 *     It holds all of the round: what was packed, the dead letters, and the next offset of every
 *     partition that moved.
 * Y3  After a commit that failed, whatever that means, all lanes begin again from K, which is asked
 *     for when the commit has settled.
 * Y4  A partition that was let go is in no round from then on; letting go waits for the commit that
 *     is under way.
 */
import type { Clock } from '../core/clock.ts';
import { codeOf, explain } from '../core/errors.ts';
import type { ReadKeys } from '../core/flow.ts';
import type { Offset, TopicPartition } from '../core/ids.ts';
import type { Log, Membership } from '../core/log.ts';
import type { RekeyStatus } from '../core/rekey.ts';
import { type EventSink, Lane } from './lane.ts';
import { Merger, type Round } from './merge.ts';

export interface RekeyerOptions {
  readonly log: Pick<Log, 'read' | 'committed' | 'offsets' | 'join' | 'commit' | 'recordBytesMax'>;
  readonly clock: Clock;
  readonly group: string;
  readonly inputTopic: string;
  readonly targetTopic: string;
  readonly deadLetterTopic: string;
  /** Of the target and of the dead letters; the input may have any number. */
  readonly partitions: number;
  readonly readKeys: ReadKeys;
  readonly emitEvent: EventSink;
  readonly limits: RekeyLimits;
}

export interface RekeyLimits {
  /** Records of one commit. */
  readonly recordsMax: number;
  readonly minIntervalMs: number;
  /** Of one read; two a partition are in memory at most. */
  readonly fetchBytesMax: number;
  /** Of one read of every partition that this process has, together. */
  readonly fetchBytesTotal: number;
  /** How long one read waits for a record. */
  readonly pollMs: number;
  /** How long a partition whose records do not come is waited for, for the sake of the order. */
  readonly holdMs: number;
  readonly backoffMsMax: number;
}

const FETCH_BYTES_MIN = 1 << 16;
const BACKOFF_MS_MIN = 50;

export class Rekeyer {
  readonly #options: RekeyerOptions;
  readonly #merger: Merger;
  readonly #lanes = new Map<number, Lane>();
  /** Where the input ended when its partition was first seen here: beyond it is caught up. */
  readonly #targets = new Map<number, Offset>();
  readonly #stop = new AbortController();
  #membership: Membership | undefined;
  #ended: Promise<void> = Promise.resolve();
  /** Resolves, and never rejects, when the commit that is under way has ended. */
  #underWay: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;
  #trouble: string | undefined;
  #failuresInARow = 0;
  #nextCommitMs = Number.NEGATIVE_INFINITY;
  #counts = { records: 0, deadLetters: 0, commits: 0, recoveries: 0 };

  constructor(options: RekeyerOptions) {
    const { clock, targetTopic, deadLetterTopic, partitions, limits } = options;
    const { recordsMax } = limits;
    this.#options = options;
    this.#merger = new Merger({ clock, targetTopic, deadLetterTopic, partitions, recordsMax });
  }

  async start(): Promise<void> {
    const { log, group, inputTopic } = this.#options;
    this.#membership = await log.join(group, inputTopic, {
      assigned: (partitions) => {
        for (const { partition } of partitions) this.#open(partition);
        this.#wake();
      },
      revoked: (partitions) => this.#letGo(partitions),
    });
    this.#ended = this.#run();
  }

  /** Ends with the commit that is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#ended;
    await this.#membership?.leave();
    await this.#letGo([...this.#lanes.values()].map(({ of }) => of));
  }

  /** The input partitions that this process re-keys now. */
  get assigned(): Iterable<number> {
    return this.#lanes.keys();
  }

  status(): RekeyStatus {
    const lanes = [...this.#lanes.values()];
    const { inputTopic } = this.#options;
    const problems = lanes.flatMap(({ of, trouble }) =>
      trouble === undefined ? [] : [`${inputTopic}-${of.partition} is not re-keyed: ${trouble}`],
    );
    if (this.#trouble !== undefined) {
      problems.push(`${inputTopic} is not re-keyed: ${this.#trouble}`);
    }
    return { ...this.#counts, problems, isCaughtUp: lanes.every((lane) => this.#isCaughtUp(lane)) };
  }

  #isCaughtUp({ of, position, committed, highWatermark }: Lane): boolean {
    if (position === undefined) return false;
    const target = this.#targets.get(of.partition) ?? highWatermark;
    this.#targets.set(of.partition, target);
    return committed >= target;
  }

  #open(partition: number): void {
    const { log, clock, group, inputTopic: topic, readKeys, emitEvent, limits } = this.#options;
    const { pollMs, backoffMsMax } = limits;
    this.#lanes.get(partition)?.end();
    const lane = new Lane({
      log,
      clock,
      group,
      of: { topic, partition },
      readKeys,
      fetchBytes: () => this.#fetchBytes(),
      pollMs,
      backoffMsMax,
      emitEvent,
      settled: () => this.#underWay,
      wake: () => this.#wake(),
    });
    this.#lanes.set(partition, lane);
  }

  #fetchBytes(): number {
    const { fetchBytesMax, fetchBytesTotal } = this.#options.limits;
    const share = Math.floor(fetchBytesTotal / Math.max(1, this.#lanes.size));
    return Math.min(fetchBytesMax, Math.max(FETCH_BYTES_MIN, share));
  }

  async #letGo(partitions: readonly TopicPartition[]): Promise<void> {
    for (const { partition } of partitions) {
      this.#lanes.get(partition)?.end();
      this.#lanes.delete(partition);
      this.#targets.delete(partition);
    }
    this.#wake();
    await this.#underWay;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      await this.#pace();
      await this.#due();
      if (signal.aborted) return;
      const limits = await this.#recordBytesMax();
      if (limits !== undefined) {
        await this.#commit(this.#merger.round([...this.#lanes.values()], limits));
      }
    }
  }

  /** Undefined when the log does not tell: then it begins again. */
  async #recordBytesMax(): Promise<ReadonlyMap<string, number> | undefined> {
    const { log, targetTopic, deadLetterTopic } = this.#options;
    try {
      return await log.recordBytesMax([targetTopic, deadLetterTopic]);
    } catch (error) {
      await this.#beginAgain(error);
      return undefined;
    }
  }

  async #pace(): Promise<void> {
    const { clock } = this.#options;
    const waitMs = this.#nextCommitMs - clock.nowMs();
    if (waitMs > 0) await clock.sleep(waitMs, this.#stop.signal);
  }

  /** Resolves when there is something to merge, and what belongs before it has had its chance. */
  async #due(): Promise<void> {
    const { clock, limits } = this.#options;
    let heldSinceMs: number | undefined;
    while (!this.#stop.signal.aborted) {
      const lanes = [...this.#lanes.values()];
      const missing = lanes.filter((lane) => !lane.peek() && lane.isAwaited);
      const isAnyThere = lanes.some((lane) => lane.peek() || lane.hasMoved);
      if (isAnyThere && missing.length === 0) return;
      if (!isAnyThere) {
        await this.#change();
        continue;
      }
      heldSinceMs ??= clock.nowMs();
      const restMs = heldSinceMs + limits.holdMs - clock.nowMs();
      if (restMs > 0) await this.#change(restMs);
      else for (const lane of missing) lane.giveUpWaiting();
    }
  }

  /** Resolves at the next `#wake`, or after `withinMs`. */
  async #change(withinMs?: number): Promise<void> {
    const change = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (withinMs === undefined) return change;
    const over = new AbortController();
    await Promise.race([change, this.#options.clock.sleep(withinMs, over.signal)]);
    over.abort();
  }

  async #commit({ moved, outputs, recordCount, deadLetterCount }: Round): Promise<void> {
    if (moved.length === 0) return;
    const { log, clock, group, limits } = this.#options;
    this.#nextCommitMs = clock.nowMs() + limits.minIntervalMs;
    const owner = (this.#membership as Membership).owner;
    const offsets = moved.map(({ lane, nextOffset }) => ({ ...lane.of, nextOffset }));
    const commit = log.commit({ group, owner, offsets, outputs });
    this.#underWay = commit.then(
      () => undefined,
      () => undefined, // told below
    );
    try {
      await commit;
    } catch (error) {
      return this.#beginAgain(error);
    }
    for (const { lane, nextOffset } of moved) lane.committed = nextOffset;
    this.#counts.records += recordCount;
    this.#counts.deadLetters += deadLetterCount;
    this.#counts.commits += 1;
    this.#failuresInARow = 0;
    this.#trouble = undefined;
  }

  async #beginAgain(error: unknown): Promise<void> {
    const { clock, emitEvent, inputTopic, limits } = this.#options;
    const reason = explain(error);
    this.#counts.recoveries += 1;
    // Another owner has taken over: that is no trouble of this one.
    this.#trouble = codeOf(error) === 'COMMIT_FENCED' ? undefined : reason;
    for (const partition of [...this.#lanes.keys()]) this.#open(partition);
    const facts = { topic: inputTopic, code: codeOf(error), reason };
    emitEvent('warn', 're-keying begins again from what is committed', facts);
    const backoffMs = Math.min(BACKOFF_MS_MIN * 2 ** this.#failuresInARow++, limits.backoffMsMax);
    await clock.sleep(backoffMs, this.#stop.signal);
  }
}
