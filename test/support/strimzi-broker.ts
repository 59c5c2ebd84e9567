/**
 * What Strimzi's operators make of its resources, on a real broker: topics, and rules for a login.
 *
 *     await createTopics(kafka, resources);
 *     await refuseWithoutRule(kafka);
 *     await having(kafka, rights, async () => …)     the login of the broker, `kafka.username`
 *     await withoutEach(kafka, rights, act)          what it is refused
 */
import { explain } from '../../src/core/errors.ts';
import { until } from './command-line.ts';
import { grant, type Right, revoke } from './kafka-acls.ts';
import type { KafkaBroker } from './kafka-broker.ts';
import { createTopic } from './rdkafka.ts';
import { type Resource, topicName, topicsOf } from './strimzi.ts';

export async function createTopics(
  { bootstrap }: KafkaBroker,
  resources: readonly Resource[],
): Promise<void> {
  for (const topic of topicsOf(resources)) {
    const { partitions, config } = topic.spec;
    const asTexts = Object.entries(config).map(([key, value]) => [key, String(value)]);
    const of = { topic: topicName(topic), partitions, config: Object.fromEntries(asTexts) };
    await createTopic(bootstrap, of);
  }
}

/**
 * The authorizer that Strimzi configures refuses what no rule allows. This one (kafka.sh) does so
 * for resources that have a rule: now all have.
 */
export async function refuseWithoutRule({ bootstrap }: KafkaBroker): Promise<void> {
  await grant(bootstrap, 'somebody-else', [
    { of: 'topic', name: '*', operation: 'describe' },
    { of: 'group', name: '*', operation: 'describe' },
    { of: 'transactionalId', name: '*', operation: 'describe' },
    { of: 'cluster', name: 'kafka-cluster', operation: 'describe' },
  ]);
}

export const ruleOf = ({ of, name, operation }: Right) => `${of} ${name} ${operation}`;

/** What came of it: `done`, or the error as a person sees it. */
const outcomeOf = (act: Promise<unknown>): Promise<string> => act.then(() => 'done', explain);

export const isDone = (outcome: string) => outcome === 'done';

/** Rules take effect a moment after the controller has them, and so does what follows from it. */
export async function becomes(
  act: () => Promise<unknown>,
  isRight: (outcome: string) => boolean,
): Promise<string> {
  let outcome = '';
  await until(async () => {
    outcome = await outcomeOf(act());
    return isRight(outcome);
  });
  return outcome;
}

/** While it has these, and no others. */
export async function having(
  { bootstrap, username }: KafkaBroker,
  rights: readonly Right[],
  then: () => Promise<void>,
): Promise<void> {
  await grant(bootstrap, username, rights);
  try {
    await then();
  } finally {
    await revoke(bootstrap, username, rights);
  }
}

/** Takes each of the rules away, and gives it back. @returns what was refused, by the rule */
export async function withoutEach(
  { bootstrap, username }: KafkaBroker,
  rights: readonly Right[],
  act: () => Promise<unknown>,
): Promise<readonly (readonly [rule: string, outcome: string])[]> {
  const refused: [string, string][] = [];
  for (const right of rights) {
    await revoke(bootstrap, username, [right]);
    const outcome = await becomes(act, (one) => !isDone(one));
    refused.push([ruleOf(right), outcome.split('\n')[0] ?? '']);
    await grant(bootstrap, username, [right]);
    await becomes(act, isDone);
  }
  return refused;
}
