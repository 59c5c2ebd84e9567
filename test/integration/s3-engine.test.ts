/** The engine with its checkpoints in a real MinIO that comes and goes; needs `npx tsc -b`. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { StatusSnapshot } from '../../src/core/status.ts';
import {
  Command,
  type RunningEngine,
  shrike,
  shrikeJson,
  startEngine,
  until,
} from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { type MinioServer, startMinio } from '../support/minio-server.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const SOURCE = ['--source', 'simulate', '--population', '200', '--rate', '500'];

let minio: MinioServer;
let settings: readonly string[];

beforeAll(async () => {
  minio = await startMinio();
  Object.assign(process.env, minio.env);
  settings = [
    ...minio.settings(),
    ...['--set', 's3.deadlineMs=1500'],
    ...['--set', 'checkpoints.intervalMs=300'],
    ...['--set', 'checkpoints.graceMs=0'],
  ];
});
afterAll(() => minio.remove());

const statusOf = async ({ address }: RunningEngine) =>
  JSON.parse((await callUrl(`${address}/api/status`)).body) as StatusSnapshot;

const isSealing = (engine: RunningEngine, before = 0) =>
  until(async () => (await statusOf(engine)).totals.checkpoints >= before + 8);

interface Listed {
  readonly partition: number;
  readonly sequence: number;
  readonly savepoint: string | null;
}

test('a store that goes down stops no payment, shows as late checkpoints, and is caught up with', async () => {
  const data = await scratchFolder();
  const engine = await startEngine(data, ...SOURCE, ...settings, '--set', 'application=outage');
  await isSealing(engine);
  await minio.stop();
  const before = await statusOf(engine);
  let during = before;
  await until(async () => {
    during = await statusOf(engine);
    return during.problems.length > 0 && during.totals.records > before.totals.records + 1000;
  });
  expect(during.problems).toEqual([
    expect.stringMatching(/^checkpoints are late: \d+ partitions? could not seal for \d+ s; /),
  ]);
  expect(during.checkpointAgeSeconds).toBeGreaterThan(3);
  expect(during.partitions.map(({ phase, recoveries }) => [phase, recoveries])).toEqual(
    Array.from({ length: 8 }, () => ['live', 0]),
  );
  await minio.start();
  await isSealing(engine, during.totals.checkpoints);
  await until(async () => (await statusOf(engine)).problems.length === 0);
  expect((await engine.command.interrupt()).code).toBe(0);
  const verified = await shrike(
    ...['checkpoint', 'verify', '--data', data, ...settings, '--set', 'application=outage'],
  );
  expect(verified).toMatchObject({ code: 0, stderr: '' });
});

test('a store that hangs holds up neither payments nor the end of the engine', async () => {
  const data = await scratchFolder();
  const engine = await startEngine(data, ...SOURCE, ...settings, '--set', 'application=hanging');
  await isSealing(engine);
  minio.pause();
  onTestFinished(() => minio.resume());
  const before = await statusOf(engine);
  await until(async () => {
    const { problems, totals } = await statusOf(engine);
    return problems.length > 0 && totals.records > before.totals.records + 1000;
  });
  expect((await engine.command.interrupt()).code).toBe(0);
});

test('an engine on an empty disk waits for a store that is down, and restores when it is back', async () => {
  const data = await scratchFolder();
  const common = [...settings, '--set', 'application=wiped'];
  const first = await startEngine(data, ...SOURCE, ...common);
  await isSealing(first);
  await first.command.interrupt();
  await rm(join(data, 'state'), { recursive: true });
  const outlooks = (await shrikeJson(
    'restore',
    '--dry-run',
    '--data',
    data,
    ...common,
  )) as object[];
  expect(outlooks).toMatchObject(
    Array.from({ length: 8 }, () => ({ source: 'checkpoint', damaged: [] })),
  );
  await minio.stop();
  // Longer than a stage may take that is stuck: this one is not.
  const watchdog = ['--set', 'watchdog.stuckMs=1000'];
  const second = await startEngine(data, '--source', 'log', ...common, ...watchdog, '--json');
  let problems: readonly string[] = [];
  await until(async () => {
    const status = await statusOf(second);
    problems = status.problems;
    return problems.length > 0 && status.partitions.some(({ recoveries }) => recoveries > 0);
  });
  expect(problems).toEqual([
    expect.stringMatching(/^partitions? [\d, ]+ waits? for the object store for \d+ s: /),
  ]);
  expect((await callUrl(`${second.address}/healthz`)).status).toBe(200);
  expect((await callUrl(`${second.address}/readyz`)).status).toBe(503);
  await minio.start();
  await until(async () => (await statusOf(second)).ready);
  const { code, stderr } = await second.command.interrupt();
  expect(code).toBe(0);
  const lives = stderr.split('\n').filter((line) => line.includes('partition is live'));
  expect(lives.map((line) => (JSON.parse(line) as { from: string }).from)).toEqual(
    Array.from({ length: 8 }, () => 'checkpoint'),
  );
});

test('a savepoint is deleted by name beside the engine, and the rest is whole', async () => {
  const data = await scratchFolder();
  const common = ['--data', data, ...settings, '--set', 'application=deleting'];
  const source = [...SOURCE, ...settings, '--set', 'application=deleting'];
  const engine = await startEngine(data, ...source);
  await isSealing(engine);
  await shrikeJson('checkpoint', 'create', '--name', 'one', ...common);
  await isSealing(engine, (await statusOf(engine)).totals.checkpoints + 8);
  const list = async () => (await shrikeJson('checkpoint', 'list', ...common)) as Listed[];
  const newerThanSavepoint = (listed: readonly Listed[]) =>
    listed.filter(({ savepoint }) => savepoint === 'one').length === 8 &&
    Array.from({ length: 8 }, (_, p) => listed.find(({ partition }) => partition === p)).every(
      (newest) => newest?.savepoint === null,
    );
  await until(async () => newerThanSavepoint(await list()));
  const deleted = (await shrikeJson(
    'checkpoint',
    'delete',
    '--name',
    'one',
    ...common,
  )) as object[];
  expect(deleted).toHaveLength(8);
  expect((await list()).some(({ savepoint }) => savepoint === 'one')).toBe(false);
  expect((await engine.command.interrupt()).code).toBe(0);
  const verified = await shrike('checkpoint', 'verify', ...common);
  expect(verified).toMatchObject({ code: 0, stderr: '' });
  const newest = (await list()).find(({ partition }) => partition === 3) as Listed;
  const which = ['--partition', '3', '--sequence', String(newest.sequence)];
  const refused = await shrike('checkpoint', 'delete', ...which, ...common);
  expect(refused.stderr).toContain('[CHECKPOINT_NEEDED]');
  const unknown = await shrike('checkpoint', 'delete', '--name', 'one', ...common);
  expect(unknown.stderr).toContain('there is no savepoint named one [CHECKPOINT_NOT_FOUND]');
});

test('a bucket that is not there is told at the start, before a payment is scored', async () => {
  const data = await scratchFolder();
  const args = [...SOURCE, ...settings, '--set', 's3.bucket=not-there', '--json'];
  const command = new Command(['run', '--no-listen', '--data', data, ...args]);
  await until(() => command.stderr.includes('partition has failed and waits for a person'));
  const { stderr } = await command.interrupt();
  expect(stderr).toContain('OBJECT_STORE_REFUSED');
  expect(stderr).toContain('NoSuchBucket: The specified bucket does not exist');
});
