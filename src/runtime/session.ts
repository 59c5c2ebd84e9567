/**
 * A partition task from one restore to the next: local state, steps, flights, checkpoints.
 * Whatever goes wrong ends the session; the next one starts from what is durable, as after a crash.
 */

import { explain, ShrikeError } from '../core/errors.ts';
import type { Profiles } from '../core/flow.ts';
import type { Offset } from '../core/ids.ts';
import type { Position } from '../core/messages.ts';
import type { SourceRead } from '../core/records.ts';
import type { ScoredRows } from '../core/scoring.ts';
import type { ActorTable } from '../core/state.ts';
import { cutBatches, type StepBatch } from './batches.ts';
import { CheckpointLoop } from './checkpoint-loop.ts';
import { type Flight, FlightDeck } from './flight.ts';
import { OutputPacker } from './outputs.ts';

import type { CommitPort, Restored, TaskParts } from './ports.ts';
import type { ProfileReader } from './profile-reader.ts';
import { RowSlabs } from './row-slabs.ts';
import type { TaskCounters } from './task-counters.ts';

const PROFILE_POLL_MS = 1000;

export interface SessionOptions<E> {
  readonly parts: TaskParts<E>;
  readonly partition: number;
  readonly restored: Restored;
  readonly position: Position;
  readonly commits: CommitPort;
  readonly counters: TaskCounters;
  readonly profiles: Profiles<E, unknown>;
  readonly profileReader: ProfileReader<E>;
  /** True when the task is to end. */
  readonly stopping: () => boolean;
}

export class Session<E> {
  readonly #options: SessionOptions<E>;
  readonly #deck: FlightDeck<E>;
  readonly table: ActorTable;
  readonly checkpoints: CheckpointLoop;
  /** The next offset to step. */
  #position: Offset;
  #nextProfilePollMs = 0;

  constructor(options: SessionOptions<E>) {
    const { parts, partition, restored, commits, counters, profiles } = options;
    const { clock } = parts;
    this.#options = options;
    this.#position = restored.offset;
    this.#slabs = new RowSlabs(parts.limits.batchRecordsMax * parts.stepper.width);
    this.table = parts.openTable(restored.store);
    const packer = new OutputPacker({
      decide: parts.stepper.flow.decide,
      model: parts.model,
      profiles,
      inputTopic: parts.inputTopic,
      deadLetterTopic: parts.deadLetterTopic,
      partition,
      recordBytesMax: options.position.recordBytesMax ?? new Map(),
    });
    this.#deck = new FlightDeck(
      {
        score: (batch, rows) => this.#score(batch, rows),
        pack: (batch, scored) =>
          counters.timed('output', () => {
            const outputs = packer.pack(batch, scored, clock.nowMs());
            this.#release(batch, scored.rows);
            return outputs;
          }),
        commits,
        counters,
        clock,
        batchesMax: parts.limits.inFlightBatchesMax,
        threshold: parts.model.threshold,
      },
      options.position.committed,
    );
    this.checkpoints = new CheckpointLoop({
      of: { topic: parts.inputTopic, partition },
      parts,
      clock,
      store: restored.store,
      table: this.table,
      commits,
      counters,
      reached: (offset) => this.#deck.reached(offset),
    });
    counters.storedOffset = restored.offset;
    counters.committedOffset = options.position.committed;
    counters.nextOffset = restored.offset;
  }

  /** On disk and in RocksDB's own memory. */
  get rocksBytes(): number {
    const { disk = 0, memory = 0 } = this.#options.restored.store.rocksBytes?.() ?? {};
    return disk + memory;
  }

  get position(): Offset {
    return this.#position;
  }

  get oldestFlight(): Readonly<Flight> | undefined {
    return this.#deck.oldest;
  }

  /** Folds [restored, K) without outputs: they are visible already. */
  async replay(): Promise<void> {
    const { parts, position, counters, stopping } = this.#options;
    let progressMs = parts.clock.nowMs();
    while (this.#position < position.committed && !stopping()) {
      const read = await this.#read();
      for (const batch of this.#cut(read, position.committed)) {
        this.#release(batch, await this.#step(batch));
        counters.replayedRecords += batch.recordCount;
        this.checkpoints.tick(this.#position);
        await parts.clock.yield();
      }
      this.#check();
      const stands = `replay stands at ${this.#position} of ${position.committed}; the log shows ${read.highWatermark}`;
      if (read.batches.length > 0) {
        progressMs = parts.clock.nowMs();
        counters.arrived();
      } else counters.waits('log', stands);
      if (parts.clock.nowMs() - progressMs > parts.limits.replayNoProgressMs) {
        throw new ShrikeError('REPLAY_NO_PROGRESS', stands);
      }
    }
  }

  /** Steps, scores and commits until the task is to stop or something fails. */
  async live(): Promise<void> {
    const { parts, counters, stopping } = this.#options;
    let reading = this.#read();
    while (!stopping()) {
      const read = await reading;
      this.#check();
      const end = read.batches.at(-1)?.nextOffset ?? this.#position;
      // The next read is under way while this one is worked on.
      reading = this.#read(end);
      reading.catch(() => undefined);
      for (const batch of this.#cut(read, Number.POSITIVE_INFINITY)) {
        await this.#deck.room();
        this.#check();
        await this.#pollProfiles();
        this.#deck.launch(batch, await this.#step(batch));
        this.checkpoints.tick(this.#position);
        await parts.clock.yield();
        if (stopping()) break;
      }
      if (read.batches.length === 0) {
        await this.#pollProfiles();
        this.checkpoints.tick(this.#position);
      }
      counters.enter('idle');
    }
    await this.#deck.settled();
    this.#check();
    await this.checkpoints.finish(this.#position);
  }

  /** Resolves when nothing of this session is under way: then its store may be closed. */
  async end(): Promise<void> {
    this.#deck.abandon(new ShrikeError('COMMIT_FENCED', 'the session is over'));
    await this.#deck.settled();
    await this.checkpoints.settled();
    await this.#options.restored.store.close();
  }

  readonly #slabs: RowSlabs;

  async #score({ events }: StepBatch<E>, rows: Float32Array): Promise<ScoredRows> {
    // Nothing but dead letters, or a gap: there is nothing to score.
    if (events.length === 0) return { scores: new Float32Array(0), rows };
    return this.#options.parts.scorer.score(rows, events.length);
  }

  /** The batch is done with: its events and its rows are filled anew by one to come. */
  #release({ events }: StepBatch<E>, rows: Float32Array): void {
    this.#slabs.giveBack(rows);
    this.#options.parts.stepper.flow.decode.release?.(events);
  }

  #read(from = this.#position): Promise<SourceRead> {
    const { parts, partition } = this.#options;
    const { fetchBytesMax: bytesMax, pollMs: waitMs } = parts.limits;
    return parts.source.read({ topic: parts.inputTopic, partition, from, bytesMax, waitMs });
  }

  *#cut(read: SourceRead, until: Offset): Generator<StepBatch<E>> {
    const { parts, counters, position } = this.#options;
    counters.highWatermark = read.highWatermark;
    const cut = cutBatches(read, {
      decode: parts.stepper.flow.decode,
      from: this.#position,
      until,
      recordsMax: parts.limits.batchRecordsMax,
      placement: parts.placement,
      letterBytesMax: position.recordBytesMax?.get(parts.deadLetterTopic),
    });
    for (;;) {
      const next = counters.timed('decode', () => cut.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  /**
   * The fold: reads state, writes features, advances state. No await between two steps of a batch.
   */
  async #step(batch: StepBatch<E>): Promise<Float32Array> {
    const { parts, counters, profiles } = this.#options;
    const { stepper } = parts;
    const { events } = batch;
    const keys = counters.timed('state', () => events.map(stepper.flow.actorKey));
    counters.enter('state');
    const missing = this.table.prefetch(keys);
    if (missing !== undefined) await missing;
    counters.enter('step');
    const rows = this.#slabs.take(events.length * stepper.width);
    counters.timed('step', () => {
      profiles.prefetch?.(events);
      for (let i = 0; i < events.length; i++) {
        const event = events[i] as E;
        try {
          stepper.step(this.table.change(keys[i] as number), event, rows, i);
          stepper.enrich(event, profiles.of(event), rows, i);
        } catch (error) {
          throw new ShrikeError(
            'STEP_FAILED',
            `${parts.inputTopic}-${this.#options.partition} at offset ${batch.offsets[i]}: ${explain(error)}`,
            { cause: error },
          );
        }
      }
    });
    this.#position = batch.nextOffset;
    counters.nextOffset = batch.nextOffset;
    counters.timed('state', () => this.table.evict());
    return rows;
  }

  async #pollProfiles(): Promise<void> {
    const { parts, profileReader } = this.#options;
    if (parts.clock.nowMs() < this.#nextProfilePollMs) return;
    this.#nextProfilePollMs = parts.clock.nowMs() + PROFILE_POLL_MS;
    await profileReader.poll();
  }

  #check(): void {
    if (this.#deck.error !== undefined) throw this.#deck.error;
    if (this.checkpoints.error !== undefined) throw this.checkpoints.error;
  }
}
