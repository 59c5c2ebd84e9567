/**
 * What Kafka UI asks of brokers with its login of deploy/strimzi: each rule lets it do one thing,
 * by Kafka's own tools on a real broker. Kafka UI itself is not to be had here.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { grant, type Right, revoke } from '../support/kafka-acls.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { createTopic, produce } from '../support/rdkafka.ts';
import { rendered, rightsOf } from '../support/strimzi.ts';
import { becomes, isDone, refuseWithoutRule, ruleOf } from '../support/strimzi-broker.ts';

const LIMIT_MS = 240_000;
const REFUSAL = /AuthorizationException|not authorized|authorization failed/i;

let kafka: KafkaBroker;
let scratch: string;
let tools: string;
let rights: readonly Right[];

beforeAll(async () => {
  const [resources, broker] = await Promise.all([
    rendered('overlays/development'),
    startKafka({ secure: true }),
  ]);
  kafka = broker;
  rights = rightsOf(resources, 'kafka-ui');
  scratch = mkdtempSync(join(tmpdir(), 'shrike-kafka-ui-'));
  tools = execFileSync('bash', ['tools/install-kafka-tools.sh'], { encoding: 'utf8' }).trim();
  const login = `username="${kafka.username}" password="${kafka.password}"`;
  writeFileSync(
    join(scratch, 'client.properties'),
    `security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required ${login};
ssl.truststore.type=PEM
ssl.truststore.location=${kafka.tls.caFile}
`,
  );
  await createTopic(kafka.bootstrap, { topic: 'scored', partitions: 1 });
  await produce(kafka.bootstrap, 'scored', [{ partition: 0, value: 'a score' }]);
  await refuseWithoutRule(kafka);
  await grant(kafka.bootstrap, kafka.username, rights);
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  rmSync(scratch, { recursive: true });
});

/** @throws Error with what it says: tools tell a refusal in words, and not each by its exit code */
async function tool(name: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(join(tools, 'bin', `${name}.sh`), [
    ...['--bootstrap-server', kafka.saslTlsBootstrap],
    ...['--command-config', join(scratch, 'client.properties')],
    ...args,
  ]);
  const said = `${stdout}${stderr}`;
  if (REFUSAL.test(said)) throw new Error(said);
  return said;
}

const configOf = (type: string, name: string) =>
  tool('kafka-configs', '--describe', '--all', '--entity-type', type, '--entity-name', name);

const ACTS: Readonly<Record<string, () => Promise<string>>> = {
  'cluster kafka-cluster describe': () =>
    tool('kafka-log-dirs', '--describe', '--topic-list', 'scored'),
  'cluster kafka-cluster describeConfigs': () => configOf('brokers', '1'),
  'topic * read': () =>
    tool(
      'kafka-console-consumer',
      ...['--topic', 'scored', '--partition', '0', '--offset', 'earliest'],
      ...['--max-messages', '1', '--timeout-ms', '5000'],
    ),
  'topic * describeConfigs': () => configOf('topics', 'scored'),
  'group * describe': () => tool('kafka-consumer-groups', '--describe', '--group', 'shrike'),
};

test('every rule has something that needs it', () => {
  expect(rights.map(ruleOf).toSorted()).toEqual(Object.keys(ACTS).toSorted());
});

test.each(Object.entries(ACTS))(
  '%s: with it, it is done; without, it is refused',
  {
    timeout: LIMIT_MS,
  },
  async (rule, act) => {
    expect(await becomes(act, isDone)).toBe('done');
    const lacks = rights.filter((right) => ruleOf(right) === rule);
    await revoke(kafka.bootstrap, kafka.username, lacks);
    const refused = await becomes(act, (outcome) => !isDone(outcome));
    expect(refused).toMatch(REFUSAL);
    await grant(kafka.bootstrap, kafka.username, lacks);
  },
);
