/** Packs what a scored batch publishes, one builder a topic. */
import type { Decide, ModelFacts, Profiles } from '../core/flow.ts';
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

/** Outputs go to the partition with the number of their input's. */
export class OutputPacker<E> {
  readonly #options: OutputOptions<E>;
  readonly #builders = new Map<string, PackedRecordsBuilder>();
  #nowMs = 0;

  constructor(options: OutputOptions<E>) {
    this.#options = options;
    for (const topic of [...options.decide.topics, options.deadLetterTopic]) {
      this.#builders.set(topic, new PackedRecordsBuilder());
    }
  }

  pack(batch: StepBatch<E>, { scores, rows }: ScoredRows, nowMs: number): readonly Append[] {
    const { decide, model, profiles, inputTopic: topic, partition } = this.#options;
    this.#nowMs = nowMs;
    const width = batch.events.length === 0 ? 0 : rows.length / batch.events.length;
    for (let i = 0; i < batch.events.length; i++) {
      const event = batch.events[i] as E;
      decide.decide(
        {
          event,
          score: scores[i] as number,
          features: rows.subarray(i * width, (i + 1) * width),
          topic,
          partition,
          offset: batch.offsets[i] as number,
          profileVersions: () => profiles.versions(event),
        },
        model,
        this.#emit,
      );
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
