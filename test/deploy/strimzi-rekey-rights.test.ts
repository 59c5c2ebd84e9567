/**
 * The access rules that the component `rekey` of deploy/strimzi adds, on a real broker with its
 * authorizer: with them an engine with `input.keyedByUser: false` works, and without any one of
 * them something is refused that names it. Needs the compiled dist.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/loader.ts';
import { brokersOf } from '../../src/kafka.ts';
import { openLog, prepareLog } from '../../src/open-log.ts';
import { Command, until } from '../support/command-line.ts';
import { grant, type Right, revoke } from '../support/kafka-acls.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { consumeAll } from '../support/rdkafka.ts';
import { renderedWithRekey, rightsOf } from '../support/strimzi.ts';
import {
  becomes,
  createTopics,
  isDone,
  refuseWithoutRule,
  ruleOf,
} from '../support/strimzi-broker.ts';

const LIMIT_MS = 240_000;
const PAYMENTS = 60;
let kafka: KafkaBroker;
let scratch: string;
let rights: readonly Right[];
let settings: Readonly<Record<string, string | number | boolean>>;
let startCount = 0;

beforeAll(async () => {
  const [resources, broker, folder] = await Promise.all([
    renderedWithRekey('development', 'within'),
    startKafka({ secure: true }),
    mkdtemp(join(tmpdir(), 'shrike-rekey-rights-')),
  ]);
  [rights, kafka, scratch] = [rightsOf(resources, 'shrike'), broker, folder];
  const passwordFile = join(scratch, 'password');
  await writeFile(passwordFile, kafka.password);
  settings = {
    'kafka.bootstrap': kafka.saslBootstrap,
    'kafka.sasl.mechanism': 'SCRAM-SHA-512',
    'kafka.sasl.username': kafka.username,
    'kafka.sasl.passwordFile': passwordFile,
    'kafka.instanceId': 'shrike-0',
    'input.keyedByUser': false,
    'outputs.features': true,
  };
  await createTopics(kafka, resources);
  await feed();
  await refuseWithoutRule(kafka);
  await grant(kafka.bootstrap, kafka.username, rights);
  await becomes(prepare, isDone);
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  await rm(scratch, { recursive: true });
});

function shrike(command: readonly string[], of: typeof settings): Command {
  const flags = Object.entries(of).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  startCount += 1;
  const data = ['--data', join(scratch, `data-${startCount}`)];
  return new Command([...command, ...data, ...flags]);
}

/** Somebody else's payments, by another listener. */
async function feed(): Promise<void> {
  const source = ['--rate', 'max', '--payments', String(PAYMENTS), '--population', '40'];
  const { code, stderr } = await shrike(['simulate', ...source], {
    'kafka.bootstrap': kafka.bootstrap,
  }).ended;
  expect({ code, stderr }).toMatchObject({ code: 0 });
}

/** The engine, up to the end of what is there. */
const start = () => shrike(['run', '--until-end', '--no-listen'], settings);

/** What the engine does before it joins its groups. */
async function prepare(): Promise<void> {
  const { config } = loadConfig({ env: {}, flags: settings });
  const logger = { event: () => undefined };
  const log = await openLog({ config, kafka: brokersOf(config), folder: '', logger });
  try {
    await prepareLog(log, { config, logger, stateFolder: join(scratch, 'prepared') });
  } finally {
    await log.close();
  }
}

const isRefused = (outcome: string) => outcome.includes('[KAFKA_NOT_AUTHORIZED]');

/** While it has all rights but one. */
async function lacking(rule: string, act: () => Promise<void>): Promise<void> {
  const others = rights.filter((one) => ruleOf(one) !== rule);
  expect(others, rule).toHaveLength(rights.length - 1);
  await revoke(kafka.bootstrap, kafka.username, rights);
  await becomes(prepare, isRefused);
  await grant(kafka.bootstrap, kafka.username, others);
  try {
    await act();
  } finally {
    await grant(kafka.bootstrap, kafka.username, rights);
    await becomes(prepare, isDone);
  }
}

const idxesOf = async (topic: string) =>
  (await consumeAll(kafka.bootstrap, topic))
    .map(({ value }) => (JSON.parse(String(value)) as { idx: number }).idx)
    .toSorted((a, b) => a - b);

/** All of what has been fed so far. */
async function expectEachOnce(count: number): Promise<void> {
  const paid = await idxesOf('transactions');
  expect(paid).toEqual(Array.from({ length: count }, (_, idx) => idx));
  expect(await idxesOf('transactions-by-user')).toEqual(paid);
  expect(await idxesOf('scored')).toEqual(paid);
  expect(await consumeAll(kafka.bootstrap, 'dead_letters')).toEqual([]);
}

test('with them every payment is brought to its user and scored, once', {
  timeout: LIMIT_MS,
}, async () => {
  const { code, stderr } = await start().ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('AUTHORIZ') });
  await expectEachOnce(PAYMENTS);
});

/** The payments' own topic is not what is scored then: rules on it are needed all the same. */
test.each([
  'topic transactions read',
  'topic transactions describeConfigs',
  'topic transactions-by-user describeConfigs',
])('without %s the engine does not start', { timeout: LIMIT_MS }, async (rule) => {
  await lacking(rule, async () => {
    const [, topic = '?'] = rule.split(' ');
    const says = new RegExp(`the topic ${topic}[: ].*\\[KAFKA_NOT_AUTHORIZED\\]`);
    // Until the others are there, another may be named.
    expect(await becomes(prepare, (outcome) => says.test(outcome))).toMatch(says);
  });
});

test.each([
  ['topic transactions-by-user read', 'transactions-by-user-\\d'],
  ['group shrike-rekey read', '.* the group shrike-rekey'],
])('without %s the engine ends, and names it', { timeout: LIMIT_MS }, async (rule, named) => {
  await lacking(rule, async () => {
    await becomes(prepare, isDone);
    const { code, stderr } = await start().ended;
    const says = new RegExp(`^shrike: ${named}: .*\\[KAFKA_NOT_AUTHORIZED\\]$`, 'm');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(says) });
  });
});

test('without topic transactions-by-user write payments wait, it is named, and once it is there they go on', {
  timeout: LIMIT_MS,
}, async () => {
  await feed();
  let engine: Command | undefined;
  await lacking('topic transactions-by-user write', async () => {
    await becomes(prepare, isDone);
    const running = start();
    engine = running;
    const says = /is not re-keyed: .*transactions-by-user-\d .*\[KAFKA_NOT_AUTHORIZED\]/;
    await until(() => says.test(running.stderr) || running.process.exitCode !== null);
    expect(running.stderr).toMatch(says);
    expect(running.process.exitCode).toBe(null);
    expect(await idxesOf('scored')).toHaveLength(PAYMENTS);
  });
  expect(await engine?.ended).toMatchObject({ code: 0 });
  await expectEachOnce(2 * PAYMENTS);
});
