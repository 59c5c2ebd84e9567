/** State and checkpoints belong to one log: decision 14, on a real broker, with processes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeded } from '../../src/core/random.ts';
import { openKafkaLog } from '../../src/log/kafka/log.ts';
import { Command, type Ended, until } from '../support/command-line.ts';
import { deleteTopics } from '../support/kafka-acls.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { bootstrapOf, LOG_OPTIONS } from '../support/kafka-log.ts';

const LIMIT_MS = 240_000;

let kafka: KafkaBroker;
let scratch: string;

beforeAll(async () => {
  kafka = await startKafka();
  scratch = await mkdtemp(join(tmpdir(), 'shrike-kafka-identity-'));
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  await rm(scratch, { recursive: true });
});

const PLAIN = ['--set', 'input.partitions=2', '--set', 'workers=1'];
const onKafka = () => [...PLAIN, '--set', `kafka.bootstrap=${kafka.bootstrap}`];

function shrike(data: string, ...args: readonly string[]): Promise<Ended> {
  return new Command([...args, '--data', join(scratch, data)]).ended;
}

/** Simulated payments are fed and scored; `--json`: with the events. */
function feed(data: string, payments: number, settings: readonly string[]): Promise<Ended> {
  const source = ['--source', 'simulate', '--population', '40', '--history-days', '0'];
  const amount = ['--rate', 'max', '--payments', String(payments), '--until-end', '--no-listen'];
  return shrike(data, 'run', '--json', ...source, ...amount, ...settings);
}

const stateOf = async (data: string) =>
  JSON.parse(await readFile(join(scratch, data, 'state', 'log.json'), 'utf8')) as { log: string };

test('a folder of the embedded log that goes to Kafka: its local state goes, its checkpoints are refused', {
  timeout: LIMIT_MS,
}, async () => {
  expect((await feed('both', 300, PLAIN)).code).toBe(0);
  expect((await stateOf('both')).log).toMatch(/^embedded\/[0-9a-f-]{36}\/transactions$/);

  const refused = await feed('both', 300, onKafka());
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('[CHECKPOINT_OF_OTHER_LOG]');

  const anew = [...onKafka(), '--set', 'application=anew'];
  const { code, stderr } = await feed('both', 10, anew);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect((await stateOf('both')).log).toMatch(/^kafka\/.{22}\/[0-9a-f]{32}$/);

  const back = await feed('both', 10, PLAIN);
  expect(back.code, back.stderr).toBe(0);
  expect(`${back.stdout}${back.stderr}`).toContain('"code":"STATE_OF_OTHER_LOG"');
});

test('a topic that is made again, and has outgrown the old one, does not get the state of the old one', {
  timeout: LIMIT_MS,
}, async () => {
  const topic = ['--set', 'input.transactions=made-twice', '--set', 'application=twice'];
  expect((await feed('twice', 100, [...onKafka(), ...topic])).code).toBe(0);
  const { log } = await stateOf('twice');

  await deleteTopics(kafka.bootstrap, ['made-twice']);
  const made = await shrike(
    'elsewhere',
    ...['simulate', '--population', '40', '--history-days', '0', '--rate', 'max'],
    ...['--payments', '1000', ...onKafka(), ...topic],
  );
  expect(made.code, made.stderr).toBe(0);

  const engine = (...more: readonly string[]) =>
    shrike('twice', 'run', '--json', '--until-end', '--no-listen', ...onKafka(), ...topic, ...more);
  const refused = await engine();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('[CHECKPOINT_OF_OTHER_LOG]');
  expect(refused.stderr).toContain(log);
  const looked = await shrike('twice', 'restore', '--dry-run', ...onKafka(), ...topic);
  expect(looked).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('[CHECKPOINT_OF_OTHER_LOG]'),
  });

  const anew = await engine('--set', 'application=twice-anew');
  expect(anew.code, anew.stderr).toBe(0);
  const lag = await shrike(
    ...(['twice', 'lag', '--json', ...onKafka(), ...topic] as const),
    ...['--set', 'application=twice-anew'],
  );
  const rows = JSON.parse(lag.stdout) as readonly { readonly lagRecords: number }[];
  expect(rows.map(({ lagRecords }) => lagRecords)).toEqual([0, 0]);
});

test('a topic that is made again while it is read has no positions any more', {
  timeout: LIMIT_MS,
}, async () => {
  const log = await openKafkaLog({
    settings: bootstrapOf(kafka.bootstrap),
    ...LOG_OPTIONS,
    transactionalId: 'replaced',
    random: seeded(1),
  });
  const spec = { topic: 'replaced', partitions: 1, cleanup: 'delete', retentionMs: 0 } as const;
  const at = [{ topic: 'replaced', partition: 0 }];
  try {
    await log.ensureTopics([spec]);
    await log.identity('replaced');
    expect(await log.committed('g', at)).toEqual([undefined]);
    await deleteTopics(kafka.bootstrap, ['replaced']);
    await until(async () => (await log.topics(['replaced'])).length === 0);
    await log.ensureTopics([spec]);
    await expect(log.committed('g', at)).rejects.toMatchObject({ code: 'LOG_REPLACED' });
  } finally {
    await log.close();
  }
});
