/**
 * "Moving a group to another cluster" of docs/operations.md, done as it stands there: an engine on
 * one real broker, Kafka's own MirrorMaker, and an engine on another.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningEngine, startEngine, until } from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { blocksIn, linesIn, OperatorShell } from '../support/operator-shell.ts';
import { consumeAll } from '../support/rdkafka.ts';
import { serve } from '../support/served-program.ts';

const LIMIT_MS = 240_000;
const SECTION = '### Moving a group to another cluster';
const TOPICS = ['transactions', 'users', 'cards'];
let old: KafkaBroker;
let next: KafkaBroker;
let folder: string;
let shell: OperatorShell;

beforeAll(async () => {
  [old, next] = await Promise.all([startKafka(), startKafka()]);
  folder = mkdtempSync(join(tmpdir(), 'shrike-move-'));
  const env = { SHRIKE_KAFKA_BOOTSTRAP: old.bootstrap, NEW: next.bootstrap };
  shell = new OperatorShell({ folder, brokers: old.bootstrap, env });
}, LIMIT_MS);
afterAll(async () => {
  await Promise.all([old.remove(), next.remove()]);
  rmSync(folder, { recursive: true });
});

const isAtTheEnd = async ({ address }: RunningEngine) => {
  const { body } = await callUrl(`${address}/api/status`);
  return /"ready":true/.test(body) && /"lag":\{"records":0/.test(body);
};

interface Scored {
  readonly idx: number;
  readonly score: number;
}

async function scoredIn({ bootstrap }: KafkaBroker): Promise<readonly Scored[]> {
  const records = await consumeAll(bootstrap, 'scored');
  return records
    .map(({ value }) => JSON.parse(String(value)) as Scored)
    .toSorted((a, b) => a.idx - b.idx);
}

async function valuesIn({ bootstrap }: KafkaBroker, topic: string): Promise<readonly string[]> {
  return (await consumeAll(bootstrap, topic)).map(
    ({ partition, value }) => `${partition} ${String(value)}`,
  );
}

/** Until all of what the old cluster has is in the new one. */
async function mirror(): Promise<void> {
  const [properties = ''] = blocksIn(SECTION, 'properties');
  const here = properties
    .replace('kafka-0.old.example:9092', old.bootstrap)
    .replace('kafka-0.new.example:9092', next.bootstrap);
  const file = join(folder, 'mirror.properties');
  writeFileSync(file, here);
  const tools = execFileSync('bash', ['tools/install-kafka-tools.sh'], { encoding: 'utf8' }).trim();
  const copier = await serve([join(tools, 'bin', 'connect-mirror-maker.sh'), file], {});
  for (const topic of TOPICS) {
    const wanted = await valuesIn(old, topic);
    expect(wanted.length).toBeGreaterThan(0);
    await until(async () => {
      const copied = await valuesIn(next, topic).catch(() => []);
      return copied.length >= wanted.length;
    });
    expect(await valuesIn(next, topic)).toEqual(wanted);
  }
  await copier.end();
}

test('every payment is scored anew in the new cluster, as in the old one', {
  timeout: LIMIT_MS,
}, async () => {
  const [lag = '', savepoint = '', topics = '', newTopics = '', describe = '', run, newLag = ''] =
    linesIn(SECTION);
  const data = join(folder, '.data');
  const onOld = ['--set', `kafka.bootstrap=${old.bootstrap}`];
  const fed = await startEngine(
    data,
    ...['--source', 'simulate', '--population', '100', '--rate', '500', ...onOld],
  );
  await until(async () => (await scoredIn(old).catch(() => [])).length > 500);
  await fed.command.interrupt();
  // The producers have stopped.
  const rest = await startEngine(data, ...onOld);
  await until(() => isAtTheEnd(rest));
  expect(await shell.do(lag)).toMatch(/\n\s+all\s+0\s+\d+\n$/);
  await shell.do(savepoint);
  await rest.command.interrupt();

  await mirror();

  const partitionsOf = (said: string) =>
    TOPICS.map((topic) => said.match(new RegExp(`^${topic}\\s+(\\d+)`, 'm'))?.[1]);
  expect(partitionsOf(await shell.do(newTopics))).toEqual(partitionsOf(await shell.do(topics)));
  const described = await shell.do(describe);
  expect(described).toMatch(/Topic: users\s.*cleanup\.policy=compact/);
  expect(described).toMatch(/Topic: cards\s.*cleanup\.policy=compact/);

  expect(run).toBe(
    'shrike run --set kafka.bootstrap=$NEW --set application=shrike-b --data .data-b',
  );
  const there = ['--set', `kafka.bootstrap=${next.bootstrap}`, '--set', 'application=shrike-b'];
  const moved = await startEngine(join(folder, '.data-b'), ...there);
  await until(() => isAtTheEnd(moved));
  expect(await shell.do(newLag)).toMatch(/\n\s+all\s+0\s+\d+\n$/);
  await moved.command.interrupt();
  const before = await scoredIn(old);
  expect(before.length).toBeGreaterThan(500);
  expect(await scoredIn(next)).toEqual(before);
});
