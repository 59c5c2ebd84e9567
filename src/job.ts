/** The job that this program runs, put together once for the main thread and the actor threads. */
import {
  ALERTS_TOPIC,
  CardUserProfiles,
  cardFraudFlow,
  FEATURES_TOPIC,
  type Payment,
  SCORED_TOPIC,
  ZipTable,
} from '../operators/index.ts';
import { parseJsonBatch } from './codec/json.ts';
import type { Config } from './core/config.ts';
import type { Flow, ModelFacts, Profiles } from './core/flow.ts';
import type { Log, TopicSpec } from './core/log.ts';

const DEAD_LETTER_TOPIC = 'dead_letters';

type Outputs = Pick<Config, 'outputs'>;

/** Names of the topics that are written. */
export function outputNames({ outputs: { prefix } }: Outputs) {
  return {
    alerts: prefix + ALERTS_TOPIC,
    scored: prefix + SCORED_TOPIC,
    features: prefix + FEATURES_TOPIC,
    deadLetters: prefix + DEAD_LETTER_TOPIC,
  };
}

export function createFlow(
  config: Config,
  model?: ModelFacts & { readonly features: readonly string[] },
): Flow<Payment> {
  return cardFraudFlow({
    parse: parseJsonBatch,
    outputs: config.outputs,
    ...(model !== undefined && { featureOrder: model.features }),
  });
}

/** What the flow is, for who does not run it: 35 ms of reading its tables are saved. */
export function outlineOf(config: Config): Flow<Payment> {
  return cardFraudFlow({ parse: parseJsonBatch, outputs: config.outputs, zips: new ZipTable() });
}

/** Reads what every flow of this thread will need, while there is something else to wait for. */
export function loadTables(): void {
  ZipTable.shipped();
}

export function createProfiles({ input }: Config): Profiles<Payment, unknown> {
  return new CardUserProfiles({
    parse: parseJsonBatch,
    usersTopic: input.users,
    cardsTopic: input.cards,
  });
}

/** The topic that the engine scores: that of the payments, or where they are once re-keyed. */
export function inputTopicOf({ input }: Pick<Config, 'input'>): string {
  const { transactions, keyedByUser, rekeyed } = input;
  if (keyedByUser) return transactions;
  return rekeyed === '' ? `${transactions}-by-user` : rekeyed;
}

/** The group that re-keys, in the same guarantee. */
export function rekeyGroupOf({ application }: Pick<Config, 'application'>): string {
  return `${application}-rekey`;
}

/** Creates what is missing. An input that is re-keyed may have any number of partitions. */
export function ensureTopicsOf(
  log: Pick<Log, 'topics' | 'ensureTopics'>,
  config: Config,
): Promise<void> {
  return ensureTopics(log, config, topicsOf(config));
}

/** What a source of payments needs: it may have no right to know of the others. */
export function ensureInputsOf(
  log: Pick<Log, 'topics' | 'ensureTopics'>,
  config: Config,
): Promise<void> {
  const { transactions, users, cards } = config.input;
  const isInput = ({ topic }: TopicSpec) => [transactions, users, cards].includes(topic);
  return ensureTopics(log, config, topicsOf(config).filter(isInput));
}

/**
 * Re-keyed payments keep their timestamps: with a shorter retention than the input has, brokers
 * would delete old ones before anybody has scored them. 0: for ever.
 */
export function longerRetention(oneMs: number, otherMs: number): number {
  return oneMs === 0 || otherMs === 0 ? 0 : Math.max(oneMs, otherMs);
}

async function ensureTopics(
  log: Pick<Log, 'topics' | 'ensureTopics'>,
  config: Config,
  topics: readonly TopicSpec[],
): Promise<void> {
  const { transactions, keyedByUser } = config.input;
  const known = keyedByUser ? [] : await log.topics([transactions]);
  const there = known.find(({ topic }) => topic === transactions);
  await log.ensureTopics(
    topics.map((spec) => {
      if (there === undefined) return spec;
      if (spec.topic === transactions) return { ...spec, partitions: there.partitions };
      if (spec.topic !== inputTopicOf(config)) return spec;
      return { ...spec, retentionMs: longerRetention(spec.retentionMs, there.retentionMs) };
    }),
  );
}

/** What the engine writes beside the re-keyed payments. */
export function outputTopicsOf(config: Outputs): readonly string[] {
  const { scored, features } = config.outputs;
  const names = outputNames(config);
  const wanted = [...(scored ? [names.scored] : []), ...(features ? [names.features] : [])];
  return [names.alerts, names.deadLetters, ...wanted];
}

export function topicsOf(config: Config): readonly TopicSpec[] {
  const { input, log } = config;
  const { partitions } = input;
  const retentionMs = log.retentionHours * 3_600_000;
  const passing = (topic: string): TopicSpec => ({
    topic,
    partitions,
    cleanup: 'delete',
    retentionMs,
  });
  const kept = (topic: string): TopicSpec => ({
    topic,
    partitions,
    cleanup: 'compact',
    retentionMs: 0,
  });
  return [
    passing(input.transactions),
    ...(input.keyedByUser ? [] : [passing(inputTopicOf(config))]),
    kept(input.users),
    kept(input.cards),
    ...outputTopicsOf(config).map(passing),
  ];
}
