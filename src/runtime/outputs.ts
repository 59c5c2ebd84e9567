/** Packs what a scored batch publishes, one builder a topic. */
import { ShrikeError } from '../core/errors.ts';
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
  /** `Log.recordBytesMax` of the topics. */
  readonly recordBytesMax: ReadonlyMap<string, number>;
}

/** What goes to one topic. */
interface Outlet {
  readonly builder: PackedRecordsBuilder;
  readonly bytesMax: number;
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
  readonly #outlets = new Map<string, Outlet>();
  readonly #inTurn: EventInTurn<E>;
  #nowMs = 0;
  /** Of the record that outputs are made of. */
  #offset: Offset = 0;

  constructor(options: OutputOptions<E>) {
    this.#options = options;
    this.#inTurn = new EventInTurn(options);
    for (const topic of [...options.decide.topics, options.deadLetterTopic]) {
      const bytesMax = options.recordBytesMax.get(topic) ?? Number.POSITIVE_INFINITY;
      this.#outlets.set(topic, { builder: new PackedRecordsBuilder(), bytesMax });
    }
  }

  /** @throws OUTPUT_TOO_LARGE */
  pack(batch: StepBatch<E>, scored: ScoredRows, nowMs: number): readonly Append[] {
    const { decide, model } = this.#options;
    this.#nowMs = nowMs;
    for (let i = 0; i < batch.events.length; i++) {
      this.#inTurn.turnTo(i, batch, scored);
      this.#offset = this.#inTurn.offset;
      decide.decide(this.#inTurn, model, this.#emit);
    }
    for (const { record, offset } of batch.deadLetters) {
      this.#offset = offset;
      this.#emit(this.#options.deadLetterTopic, record.key, record.value);
    }
    return this.#finish();
  }

  readonly #emit = (
    topic: string,
    key: string | undefined,
    value: string | Uint8Array | undefined,
  ): void => {
    const outlet = this.#outlets.get(topic);
    if (outlet === undefined) throw new Error(`output to ${topic}, which the flow does not name`);
    // Of a text at most three bytes a character: hardly any has to be counted.
    const bytesBound = 3 * ((key?.length ?? 0) + (value?.length ?? 0));
    if (bytesBound > outlet.bytesMax) this.#requireFitting(topic, [key, value], outlet.bytesMax);
    outlet.builder.add({ key, value, timestampMs: this.#nowMs });
  };

  /** A broker would refuse the whole commit, again and again: told once, by name, before that. */
  #requireFitting(
    topic: string,
    parts: readonly (string | Uint8Array | undefined)[],
    bytesMax: number,
  ): void {
    let bytes = 0;
    for (const part of parts) bytes += part === undefined ? 0 : Buffer.byteLength(part);
    if (bytes <= bytesMax) return;
    const { inputTopic, partition } = this.#options;
    const output = `the record for ${topic}-${partition} made of ${inputTopic}-${partition}`;
    throw new ShrikeError(
      'OUTPUT_TOO_LARGE',
      `${output} at offset ${this.#offset} has ${bytes} bytes, and the topic takes ${bytesMax} (max.message.bytes, less what a batch adds)`,
    );
  }

  #finish(): readonly Append[] {
    const { partition } = this.#options;
    const appends: Append[] = [];
    for (const [topic, { builder }] of this.#outlets) {
      if (builder.count > 0) appends.push({ topic, partition, records: builder.finish() });
    }
    return appends;
  }
}
