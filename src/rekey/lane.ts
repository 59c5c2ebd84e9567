/**
 * One input partition on its way through: reads ahead of what is merged, by two fetches at most.
 *
 * Y1  The position moves through the records in offset order, from K, and never back. Who wants to
 *     begin again makes a new lane.
 */
import type { Clock } from '../core/clock.ts';
import { codeOf, explain } from '../core/errors.ts';
import type { KeysRead, ReadKeys, Reject } from '../core/flow.ts';
import { type Offset, type TopicPartition, topicPartitionName } from '../core/ids.ts';
import type { Log } from '../core/log.ts';
import { type FetchedBatch, PackedRecords } from '../core/records.ts';

export type EventSink = (
  level: 'info' | 'warn' | 'error',
  event: string,
  facts: Readonly<Record<string, unknown>>,
) => void;

export interface LaneOptions {
  readonly log: Pick<Log, 'read' | 'committed' | 'offsets'>;
  readonly clock: Clock;
  readonly group: string;
  readonly of: TopicPartition;
  readonly readKeys: ReadKeys;
  /** Of one read, as things stand. */
  readonly fetchBytes: () => number;
  readonly pollMs: number;
  readonly backoffMsMax: number;
  readonly emitEvent: EventSink;
  /** Resolves when no commit is under way that may move K. */
  readonly settled: () => Promise<void>;
  /** There may be something to merge now. */
  readonly wake: () => void;
}

const BACKOFF_MS_MIN = 50;
const NOTHING: KeysRead = { keys: new Float64Array(0), rejects: [] };

export class Lane {
  readonly of: TopicPartition;
  readonly #options: LaneOptions;
  readonly #end = new AbortController();
  /** The next offset to merge; undefined until the log has said where the group stands. */
  position: Offset | undefined;
  committed: Offset = 0;
  highWatermark: Offset = 0;
  /** Why nothing can be read at the moment. */
  trouble: string | undefined;
  #isLate = false;
  #waiting: FetchedBatch[] = [];
  #waitingBytes = 0;
  #roomWanted: (() => void) | undefined;
  /** The batch that is being merged; `index` is its next record. */
  #batch: FetchedBatch | undefined;
  records: PackedRecords | undefined;
  index = 0;
  #read: KeysRead = NOTHING;
  #nextReject = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.of = options.of;
    void this.#pump();
  }

  /** Nothing more comes of it. */
  end(): void {
    this.#end.abort();
    this.#roomWanted?.();
  }

  /** There is more in the log, and it is on its way: who merges should wait for it. */
  get isAwaited(): boolean {
    const isBehind = this.position === undefined || this.position < this.highWatermark;
    return isBehind && this.trouble === undefined && !this.#isLate;
  }

  /** It has been waited for long enough; until it comes, the others go on without it. */
  giveUpWaiting(): void {
    this.#isLate = true;
  }

  /** Something is merged, or skipped, that is not committed. */
  get hasMoved(): boolean {
    return this.position !== undefined && this.position > this.committed;
  }

  /** True: `records` and `index` are the next record. */
  peek(): boolean {
    while (this.records === undefined || this.index >= this.records.count) {
      if (this.#batch !== undefined) this.#moveTo(this.#batch.nextOffset); // past a gap at its end
      this.records = undefined;
      this.#batch = this.#waiting.shift();
      if (this.#batch === undefined) return false;
      this.#open(this.#batch);
    }
    return true;
  }

  get timestampMs(): number {
    return (this.records as PackedRecords).timestampMs(this.index);
  }

  get offset(): Offset {
    return (this.records as PackedRecords).offset(
      (this.#batch as FetchedBatch).baseOffset,
      this.index,
    );
  }

  /** Whose the next record is; -1: `takeReject` says why nobody's. */
  get key(): number {
    return this.#read.keys[this.index] as number;
  }

  takeReject(): Reject | undefined {
    return this.#read.rejects[this.#nextReject++];
  }

  /** The next record is merged. */
  advance(): void {
    this.#moveTo(this.offset + 1);
    this.index++;
  }

  #moveTo(offset: Offset): void {
    if (offset > (this.position as Offset)) this.position = offset;
  }

  #open(batch: FetchedBatch): void {
    this.#waitingBytes -= batch.bytes.byteLength;
    this.#roomWanted?.();
    const records = PackedRecords.of(batch.bytes);
    let first = 0;
    const from = this.position as Offset;
    while (first < records.count && records.offset(batch.baseOffset, first) < from) first++;
    this.records = records;
    this.index = first;
    this.#read = this.#options.readKeys(records, first);
    this.#nextReject = 0;
  }

  async #pump(): Promise<void> {
    let from: Offset | undefined;
    let failures = 0;
    while (!this.#end.signal.aborted) {
      try {
        if (from === undefined) from = await this.#start();
        else {
          await this.#room();
          from = await this.#fetch(from);
        }
        failures = 0;
        this.#isLate = false;
        this.#mended();
      } catch (error) {
        await this.#pause(error, failures++);
      }
      this.#options.wake();
    }
  }

  async #start(): Promise<Offset> {
    const { log, group, settled } = this.#options;
    await settled();
    const [committed] = await log.committed(group, [this.of]);
    const { earliest, highWatermark } = await log.offsets(this.of);
    this.committed = committed ?? earliest;
    this.highWatermark = highWatermark;
    this.position = this.committed;
    return this.committed;
  }

  async #room(): Promise<void> {
    const { signal } = this.#end;
    while (this.#waitingBytes >= this.#options.fetchBytes() && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#roomWanted = resolve;
      });
    }
  }

  /** @returns where to read next */
  async #fetch(from: Offset): Promise<Offset> {
    const { log, fetchBytes, pollMs: waitMs } = this.#options;
    const { signal } = this.#end;
    if (signal.aborted) return from;
    const read = await log.read({ ...this.of, from, bytesMax: fetchBytes(), waitMs, signal });
    this.highWatermark = read.highWatermark;
    let next = from;
    for (const batch of read.batches) {
      this.#waiting.push(batch);
      this.#waitingBytes += batch.bytes.byteLength;
      next = batch.nextOffset;
    }
    return next;
  }

  async #pause(error: unknown, failures: number): Promise<void> {
    const { clock, emitEvent, backoffMsMax } = this.#options;
    if (this.#end.signal.aborted) return;
    const reason = explain(error);
    if (this.trouble === undefined) {
      const facts = { partition: topicPartitionName(this.of), code: codeOf(error), reason };
      emitEvent('warn', 'input cannot be re-keyed', facts);
    }
    this.trouble = reason;
    this.#options.wake();
    const backoffMs = Math.min(BACKOFF_MS_MIN * 2 ** failures, backoffMsMax);
    await clock.sleep(backoffMs, this.#end.signal);
  }

  #mended(): void {
    if (this.trouble === undefined) return;
    this.trouble = undefined;
    const facts = { partition: topicPartitionName(this.of) };
    this.#options.emitEvent('info', 'input is re-keyed again', facts);
  }
}
