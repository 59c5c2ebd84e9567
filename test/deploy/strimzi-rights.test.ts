/**
 * The access rules of deploy/strimzi, given to a login of a real broker with its authorizer: with
 * them everything works, and without any one of them something is refused that names it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ALERTS_TOPIC } from '../../operators/index.ts';
import { openFeed } from '../../src/cli/feed-access.ts';
import { feedSimulated, simulatedWorld } from '../../src/cli/feeds.ts';
import { openKafkaAccess } from '../../src/cli/kafka-access.ts';
import type { LogAccess } from '../../src/cli/log-access.ts';
import { loadConfig } from '../../src/config/loader.ts';
import type { Config } from '../../src/core/config.ts';
import { brokersOf } from '../../src/kafka.ts';
import { openLog, prepareLog } from '../../src/open-log.ts';
import { Command, type Ended } from '../support/command-line.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { consumeAll } from '../support/rdkafka.ts';
import { type Resource, rendered, rightsOf } from '../support/strimzi.ts';
import {
  becomes,
  createTopics,
  having,
  isDone,
  refuseWithoutRule,
  ruleOf,
  withoutEach,
} from '../support/strimzi-broker.ts';

const LIMIT_MS = 240_000;
const PAYMENTS = 60;

let kafka: KafkaBroker;
let scratch: string;
let resources: readonly Resource[];
let settings: Readonly<Record<string, string | number | boolean>>;
let config: Config;

beforeAll(async () => {
  [resources, kafka, scratch] = await Promise.all([
    rendered('overlays/development'),
    startKafka({ secure: true }),
    mkdtemp(join(tmpdir(), 'shrike-rights-')),
  ]);
  const passwordFile = join(scratch, 'password');
  await writeFile(passwordFile, kafka.password);
  settings = {
    'kafka.bootstrap': kafka.saslBootstrap,
    'kafka.sasl.mechanism': 'SCRAM-SHA-512',
    'kafka.sasl.username': kafka.username,
    'kafka.sasl.passwordFile': passwordFile,
    'kafka.instanceId': 'shrike-0',
    // Every topic that the rules are about is written: each payment is an alert.
    'outputs.features': true,
    'scoring.threshold': 0,
  };
  config = loadConfig({ env: {}, flags: settings }).config;
  await createTopics(kafka, resources);
  await refuseWithoutRule(kafka);
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  await rm(scratch, { recursive: true });
});

async function withAccess(use: (access: LogAccess) => Promise<unknown>): Promise<void> {
  const access = await openKafkaAccess(config, () => undefined);
  try {
    await use(access);
  } finally {
    await access.close();
  }
}

/** What `shrike simulate` does. */
const simulate = () =>
  withAccess(async (access) => {
    const { signal } = new AbortController();
    await feedSimulated({
      ...(await openFeed(access, config, signal)),
      world: simulatedWorld({ kind: 'simulate', seed: 1, users: 40, fraudRate: 0.004 }),
      ratePerSecond: 'max',
      historyDays: 0,
      payments: PAYMENTS,
      signal,
    });
  });

/** What the engine does before it joins its group. */
async function prepare(): Promise<void> {
  const logger = { event: () => undefined };
  const log = await openLog({ config, kafka: brokersOf(config), folder: '', logger });
  try {
    await prepareLog(log, { config, logger, stateFolder: join(scratch, 'prepared') });
  } finally {
    await log.close();
  }
}

let runCount = 0;

/** The engine, up to the end of what is there. */
function run(): Promise<Ended> {
  runCount += 1;
  const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const data = join(scratch, `run-${runCount}`);
  return new Command(['run', '--until-end', '--port', '0', '--data', data, ...flags]).ended;
}

const idxOf = ({ value }: { readonly value: Buffer | null }) =>
  (JSON.parse(String(value)) as { idx: number }).idx;

test('a producer with its rules feeds payments, and lacks something without any of them', {
  timeout: LIMIT_MS,
}, async () => {
  const rights = rightsOf(resources, 'payments');
  await having(kafka, rights, async () => {
    await becomes(simulate, isDone);
    const refused = await withoutEach(kafka, rights, simulate);
    expect(refused).toEqual(
      rights.map((right) => [ruleOf(right), expect.stringContaining('KAFKA_NOT_AUTHORIZED')]),
    );
    const named = refused.filter(([rule, outcome]) => outcome.includes(rule.split(' ')[1] ?? '?'));
    expect(named).toEqual(refused);
  });
});

/** What the engine does not touch before it has something to do. */
const LATER = ['topic fraud_alerts read', 'topic fraud_alerts write', 'group shrike read'];

test('the engine with its rules scores every payment once, and does not start without any of those that it needs to', {
  timeout: LIMIT_MS,
}, async () => {
  const rights = rightsOf(resources, 'shrike');
  await having(kafka, rights, async () => {
    await becomes(prepare, isDone);
    const { code, stderr } = await run();
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('AUTHORIZ') });
    const scored = (await consumeAll(kafka.bootstrap, 'scored')).map(idxOf);
    const paid = (await consumeAll(kafka.bootstrap, 'transactions')).map(idxOf);
    expect(scored.toSorted((a, b) => a - b)).toEqual(paid.toSorted((a, b) => a - b));
    expect(scored.length).toBeGreaterThanOrEqual(PAYMENTS);
    expect(await consumeAll(kafka.bootstrap, 'fraud_alerts')).toHaveLength(scored.length);
    expect(await consumeAll(kafka.bootstrap, 'features')).toHaveLength(scored.length);

    const atStart = rights.filter(
      (right) => right.of !== 'transactionalId' && !LATER.includes(ruleOf(right)),
    );
    expect(atStart).toHaveLength(13);
    for (const [rule, outcome] of await withoutEach(kafka, atStart, prepare)) {
      const [, topic = '?'] = rule.split(' ');
      expect(outcome).toMatch(new RegExp(`the topic ${topic}\\b.*\\[KAFKA_NOT_AUTHORIZED\\]`));
    }
  });
});

test('what the engine needs while it runs is named when it lacks', {
  timeout: LIMIT_MS,
}, async () => {
  const rights = rightsOf(resources, 'shrike');
  const named: Readonly<Record<string, readonly [code: number, says: RegExp]>> = {
    // Payments go on without it: only the page has no alerts.
    'topic fraud_alerts read': [0, /alerts not followed .*fraud_alerts-\d.*\[KAFKA_NOT_AUTHORIZED/],
    'topic fraud_alerts write': [1, /fraud_alerts[^]*\[KAFKA_NOT_AUTHORIZED\]/],
    'group shrike read': [1, /the group shrike\b.*\[KAFKA_NOT_AUTHORIZED\]/],
    'transactionalId shrike-shrike- write': [1, /shrike-shrike-shrike-0.*\[KAFKA_NOT_AUTHORIZED\]/],
  };
  for (const [rule, [wanted, says]] of Object.entries(named)) {
    const right = rights.find((one) => ruleOf(one) === rule);
    expect(right, rule).toBeDefined();
    await having(kafka, rightsOf(resources, 'payments'), () =>
      becomes(simulate, isDone).then(() => undefined),
    );
    await having(
      kafka,
      rights.filter((one) => one !== right),
      async () => {
        await becomes(prepare, isDone);
        const { code, stderr } = await run();
        expect({ rule, code, stderr }).toEqual({
          rule,
          code: wanted,
          stderr: expect.stringMatching(says),
        });
      },
    );
  }
});

test('who only looks at alerts needs no more than its rules', { timeout: LIMIT_MS }, async () => {
  const rights = rightsOf(resources, 'alerts');
  const look = () =>
    withAccess(async (access) => {
      expect(await access.topics([ALERTS_TOPIC])).toHaveLength(1);
      expect(await access.alerts(1)).toHaveLength(1);
    });
  await having(kafka, rights, async () => {
    await becomes(look, isDone);
    for (const [, outcome] of await withoutEach(kafka, rights, look))
      expect(outcome).toContain('fraud_alerts');
  });
});
