/** From a score to records: alerts, and on request every score and every feature row. */
import type { Decide, ModelFacts, ScoredEvent } from '../src/core/flow.ts';
import type { Payment } from './payment.ts';
import { isoMinute } from './time.ts';

export const ALERTS_TOPIC = 'fraud_alerts';
export const SCORED_TOPIC = 'scored';
export const FEATURES_TOPIC = 'features';

export interface DecideOptions {
  /** Features in the order of the row. */
  readonly featureOrder: readonly string[];
  /** Write every payment's score to `scored`. */
  readonly scored: boolean;
  /** Write every payment's features to `features`. */
  readonly features: boolean;
  /** Put before the names of the topics. */
  readonly prefix: string;
}

/** Formats: docs/formats. Every record's key is the user id in decimal. */
export function fraudDecisions(options: DecideOptions): Decide<Payment> {
  const [alertsTopic, scoredTopic, featuresTopic] = [
    ALERTS_TOPIC,
    SCORED_TOPIC,
    FEATURES_TOPIC,
  ].map((topic) => options.prefix + topic) as [string, string, string];
  const topics = [alertsTopic];
  if (options.scored) topics.push(scoredTopic);
  if (options.features) topics.push(featuresTopic);
  return {
    topics,
    decide(scored, model, emit) {
      const { event, score } = scored;
      const key = String(event.user);
      if (options.scored) emit(scoredTopic, key, scoredText(event.idx, score));
      if (options.features) emit(featuresTopic, key, featureBytes(event.idx, scored.features));
      if (score >= model.threshold) {
        emit(alertsTopic, key, alertText(scored, model, options.featureOrder));
      }
    },
  };
}

/** 9 digits read back to the same float32, and print in half the time of the double's 17. */
function scoredText(idx: number, score: number): string {
  return `{"idx":${idx},"score":${score.toPrecision(9)}}`;
}

/** f64 idx, then the row as f32, little-endian. */
function featureBytes(idx: number, row: Float32Array): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * row.length);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, idx, true);
  for (let k = 0; k < row.length; k++) view.setFloat32(8 + 4 * k, row[k] as number, true);
  return bytes;
}

/** The first eight fields, in this order, are those of the reference workload. */
function alertText(
  scored: ScoredEvent<Payment>,
  model: ModelFacts,
  order: readonly string[],
): string {
  const { event, topic, partition, offset, features: row } = scored;
  const features: Record<string, number> = {};
  for (const [k, name] of order.entries()) features[name] = shortest(row[k] as number);
  return JSON.stringify({
    idx: event.idx,
    user: event.user,
    card: event.card,
    t: event.minute,
    amount: event.amount,
    merchant_name: event.merchantName,
    score: shortest(scored.score),
    model: model.modelId,
    // Where the payment lies in the log names the alert: a replay makes the same alert again.
    id: `${topic}/${partition}/${offset}`,
    threshold: model.threshold,
    feature_set: model.featureSet,
    features,
    profiles: scored.profileVersions(),
    event_time: isoMinute(event.minute),
    merchant_city: event.merchantCity,
    merchant_state: event.merchantState,
    mcc: event.mcc,
    use_chip: event.useChip,
    errors: event.errors,
  });
}

/**
 * The double of fewest digits that reads back to the same float32: 35.9, not 35.900001525878906.
 */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}
