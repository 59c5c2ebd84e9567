/** Commands on Kafka: alone, and beside an engine; needs `npx tsc -b`. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  Command,
  GOLDEN_CSV,
  type RunningEngine,
  shrike,
  shrikeJson,
  shrikeLines,
  startEngine,
  until,
} from '../support/command-line.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { consumeAll, createTopic } from '../support/rdkafka.ts';

const LIMIT_MS = 240_000;

let kafka: KafkaBroker;
let scratch: string;

beforeAll(async () => {
  kafka = await startKafka();
  scratch = await mkdtemp(join(tmpdir(), 'shrike-kafka-commands-'));
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  await rm(scratch, { recursive: true });
});

const data = (name: string) => join(scratch, name);
const onKafka = (...settings: readonly string[]) =>
  [`kafka.bootstrap=${kafka.bootstrap}`, 'input.partitions=4', 'workers=1', ...settings].flatMap(
    (one) => ['--set', one],
  );

interface Position {
  readonly partition: number;
  readonly committed: number;
  readonly highWatermark: number;
  readonly lagRecords: number;
  readonly lagSeconds: number;
}
const lag = async (...args: readonly string[]) =>
  (await shrikeJson('lag', ...args)) as readonly Position[];

test('raw files go through Kafka once: a second run loads nothing again', {
  timeout: LIMIT_MS,
}, async () => {
  const [out, name] = [data('out'), 'csv'];
  const args = [...onKafka(`application=${name}`, 'input.transactions=csv'), '--data', data(name)];
  const load = ['run', '--source', 'csv', ...GOLDEN_CSV, '--until-end', '--no-listen'];
  for (let round = 0; round < 2; round++) {
    const { code, stderr, stdout } = await shrike(...load, '--out', out, ...args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain('2026 payments, 19 users, 49 cards in the log');
    const lines = (await readFile(join(out, 'scored.jsonl'), 'utf8')).trimEnd().split('\n');
    const scored = lines.map((line) => (JSON.parse(line) as { idx: number }).idx);
    expect(scored).toEqual(Array.from({ length: 2026 }, (_, i) => i));
  }
});

test('load brings raw files into the topics, once, at a pace, and scores nothing', {
  timeout: LIMIT_MS,
}, async () => {
  const args = [...onKafka('application=load', 'input.transactions=load'), '--data', data('load')];
  const counts = { transactions: 2026, users: 19, cards: 49, rejects: 0 };
  expect(await shrikeJson('load', ...GOLDEN_CSV, '--rate', '2000', ...args)).toEqual(counts);
  expect(await shrikeJson('load', ...GOLDEN_CSV, ...args)).toEqual(counts);
  const loaded = (await consumeAll(kafka.bootstrap, 'load')).map(({ value }) => String(value));
  const idxs = loaded.map((value) => (JSON.parse(value) as { idx: number }).idx);
  expect(idxs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2026 }, (_, i) => i));
  const committed = (await lag(...args)).map((position) => position.committed);
  expect(committed).toEqual([0, 0, 0, 0]);

  const other = await shrike('load', ...GOLDEN_CSV, ...args, '--data', data('load-of-other'));
  expect(other.code).toBe(2);
  expect(other.stderr).toContain('the topic holds payments of another source');
});

test('without an engine and without a data folder: the log is read and written where it is', {
  timeout: LIMIT_MS,
}, async () => {
  const args = [...onKafka('application=alone', 'input.transactions=alone'), '--data', data('no')];
  const unknown = await shrike('lag', ...args);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain(`there is no topic alone in ${kafka.bootstrap}`);

  const payments = ['--population', '30', '--history-days', '0', '--rate', 'max'];
  const made = await shrikeJson('simulate', ...payments, '--payments', '200', ...args);
  expect(made).toEqual({ payments: 200 });
  const waiting = await lag(...args);
  expect(waiting.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
  expect(waiting.reduce((sum, { lagRecords }) => sum + lagRecords, 0)).toBeGreaterThanOrEqual(200);
  expect(waiting.every(({ lagSeconds }) => lagSeconds > 0)).toBe(true);

  await createTopic(kafka.bootstrap, { topic: 'of-others', partitions: 1 });
  const names = async (...more: readonly string[]) =>
    ((await shrikeJson('topics', ...args, ...more)) as { topic: string }[]).map((t) => t.topic);
  expect(await names()).toEqual(expect.arrayContaining(['alone', 'cards', 'users']));
  expect(await names()).not.toContain('of-others');
  expect(await names('--all')).toContain('of-others');
  expect(existsSync(data('no'))).toBe(false);
});

test('beside an engine: the lag of the group, alerts as they come, state, savepoints and their outlook', {
  timeout: LIMIT_MS,
}, async () => {
  const settings = onKafka('application=beside', 'input.transactions=beside');
  const args = [...settings, '--data', data('beside')];
  const source = ['--source', 'simulate', '--population', '300', '--fraud-rate', '0.03'];
  const engine: RunningEngine = await startEngine(
    data('beside'),
    ...[...source, '--history-days', '1', '--rate', '300', '--json', ...settings],
  );
  let scored = -1;
  try {
    await until(async () => (await lag(...args)).every(({ committed }) => committed > 0));
    // From another folder, as from another machine: all partitions of the group.
    expect(await lag(...settings, '--data', data('elsewhere'))).toHaveLength(4);

    const follower = new Command(['alerts', '--follow', '--count', '3', '--json', ...args]);
    await until(() => follower.lines.length >= 6);
    const followed = await follower.interrupt();
    expect(followed).toMatchObject({ code: 0, stderr: '' });
    const ids = followed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id as string);
    expect(new Set(ids).size).toBe(ids.length);
    const newest = (await shrikeLines('alerts', '--count', '2', ...args)) as { user: number }[];
    expect(newest).toHaveLength(2);

    scored = newest[0]?.user as number;
    expect(await shrikeJson('state', 'get', '--user', String(scored), ...args)).toMatchObject({
      user: scored,
    });
    await shrikeJson('checkpoint', 'create', '--name', 'one', ...args);
    const outlooks = (await shrikeJson('restore', '--dry-run', ...args)) as { source: string }[];
    expect(outlooks.map((one) => one.source)).toEqual(['local', 'local', 'local', 'local']);
    expect(await shrikeLines('dlq', 'list', ...args)).toEqual([]);
  } finally {
    await engine.command.interrupt();
  }
  const state = await shrike('state', 'get', '--user', String(scored), ...args);
  expect(state.stderr).toBe('');
  expect(state.stdout).toMatch(new RegExp(`^user ${scored}: partition \\d`));
});
