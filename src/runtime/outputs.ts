/** Packs what a scored batch publishes, one builder a topic. */
import type { Decide, ModelFacts, Profiles, ScoredEvent } from '../core/flow.ts';
import type { Offset } from '../core/ids.ts';
import type { Append } from '../core/log.ts';
import { PackedRecordsBuilder } from '../core/records.ts';
import type { ScoredRows } from '../core/scoring.ts';
import type { StepBatch } from './batches.ts';

export interface OutputOptions<E> {
  readonly decide: Decide<E>;
  readonly model: ModelFacts;
  readonly profiles: Profiles<E, unknown>;
  readonly inputTopic: string;
  readonly deadLetterTopic: string;
  readonly partition: number;
}

/**
 * The event that is decided on: one object for all, which makes what hardly any event is asked for,
 * its row and its profiles' versions, when it is asked.
 */
class EventInTurn<E> implements ScoredEvent<E> {
  readonly topic: string;
  readonly partition: number;
  readonly #profiles: Profiles<E, unknown>;
  event!: E;
  score = 0;
  offset: Offset = 0;
  #rows: Float32Array = new Float32Array(0);
  #rowStart = 0;
  #rowEnd = 0;

  constructor({ inputTopic, partition, profiles }: OutputOptions<E>) {
    this.topic = inputTopic;
    this.partition = partition;
    this.#profiles = profiles;
  }

  get features(): Float32Array {
    return this.#rows.subarray(this.#rowStart, this.#rowEnd);
  }

  readonly profileVersions = () => this.#profiles.versions(this.event);

  turnTo(i: number, batch: StepBatch<E>, { scores, rows }: ScoredRows): void {
    const width = rows.length / batch.events.length;
    this.event = batch.events[i] as E;
    this.score = scores[i] as number;
    this.offset = batch.offsets[i] as Offset;
    this.#rows = rows;
    this.#rowStart = i * width;
    this.#rowEnd = (i + 1) * width;
  }
}

/** Outputs go to the partition with the number of their input's. */
export class OutputPacker<E> {
  readonly #options: OutputOptions<E>;
  readonly #builders = new Map<string, PackedRecordsBuilder>();
  readonly #inTurn: EventInTurn<E>;
  #nowMs = 0;

  constructor(options: OutputOptions<E>) {
    this.#options = options;
    this.#inTurn = new EventInTurn(options);
    for (const topic of [...options.decide.topics, options.deadLetterTopic]) {
      this.#builders.set(topic, new PackedRecordsBuilder());
    }
  }

  pack(batch: StepBatch<E>, scored: ScoredRows, nowMs: number): readonly Append[] {
    const { decide, model } = this.#options;
    this.#nowMs = nowMs;
    for (let i = 0; i < batch.events.length; i++) {
      this.#inTurn.turnTo(i, batch, scored);
      decide.decide(this.#inTurn, model, this.#emit);
    }
    for (const { record } of batch.deadLetters) {
      this.#emit(this.#options.deadLetterTopic, record.key, record.value);
    }
    return this.#finish();
  }

  readonly #emit = (
    topic: string,
    key: string | undefined,
    value: string | Uint8Array | undefined,
  ): void => {
    const builder = this.#builders.get(topic);
    if (builder === undefined) throw new Error(`output to ${topic}, which the flow does not name`);
    builder.add({ key, value, timestampMs: this.#nowMs });
  };

  #finish(): readonly Append[] {
    const { partition } = this.#options;
    const appends: Append[] = [];
    for (const [topic, builder] of this.#builders) {
      if (builder.count > 0) appends.push({ topic, partition, records: builder.finish() });
    }
    return appends;
  }
}
