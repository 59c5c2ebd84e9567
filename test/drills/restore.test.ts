/** `shrike drill restore` beside an engine under load, on a folder and on a real MinIO. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DrillReports } from '../../checkpoints/drill-reports.ts';
import { openFolderStore } from '../../checkpoints/folder-store.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { DrillSummary, RestoreReport } from '../../src/core/drill.ts';
import type { ObjectStore } from '../../src/core/object-store.ts';
import {
  Command,
  type Ended,
  type RunningEngine,
  startEngineIn,
  until,
} from '../support/command-line.ts';
import { forgeCheckpoint, savepointOf } from '../support/forged-checkpoint.ts';
import { callUrl } from '../support/http-client.ts';
import { type MinioServer, sharedMinio } from '../support/minio-server.ts';
import { parseMetrics } from '../support/prometheus-text.ts';
import { s3Store, withEnvironment } from '../support/s3-stores.ts';

const PARTITIONS = 4;
const SETTINGS = [
  ...['--set', `input.partitions=${PARTITIONS}`],
  ...['--set', 'checkpoints.intervalMs=1000'],
];
const LOAD = ['--source', 'simulate', '--population', '200', '--rate', '400', '--json'];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-drills-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Drilled extends Ended {
  readonly report: RestoreReport;
}

interface Where {
  readonly data: string;
  readonly settings: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const start = ({ data, settings, env }: Where) => startEngineIn(env, data, ...settings, ...LOAD);

async function drill({ data, settings, env }: Where, ...args: string[]): Promise<Drilled> {
  const all = ['drill', 'restore', '--json', '--data', data, ...settings, ...args];
  const ended = await new Command(all, env).ended;
  return { ...ended, report: JSON.parse(ended.stdout) as RestoreReport };
}

function text({ data, settings, env }: Where, ...args: string[]): Promise<Ended> {
  return new Command([...args, '--data', data, ...settings], env).ended;
}

async function newestDrill({ address, token }: RunningEngine): Promise<DrillSummary | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  const { body } = await callUrl(`${address}/api/drills`, { headers });
  return (JSON.parse(body) as DrillSummary[])[0];
}

/** Every partition has sealed twice: there is a newest checkpoint, and one before it. */
async function sealedTwice({ address }: RunningEngine): Promise<void> {
  await until(async () => {
    const metrics = parseMetrics((await callUrl(`${address}/metrics`)).body);
    const counts = metrics.get('shrike_checkpoints_total')?.samples.map(({ value }) => value) ?? [];
    return counts.length === PARTITIONS && counts.every((count) => count >= 2);
  });
}

const scratchLeft = ({ data }: Where) =>
  existsSync(join(data, 'drill')) ? readdirSync(join(data, 'drill')) : [];

test('beside an engine under load, on a folder: equal, different, damaged, and after its end', async () => {
  const where: Where = { data: join(folder, 'embedded'), settings: SETTINGS, env: {} };
  const engine = await start(where);
  await sealedTwice(engine);

  // The numbers come from the live engine: it has gone on since the checkpoint was sealed.
  const newest = await drill(where);
  expect(newest.stderr).toBe('');
  expect(newest.code).toBe(0);
  expect(newest.report).toMatchObject({ kind: 'restore', checkpoint: 'newest', verdict: 'equal' });
  expect(newest.report.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
  for (const { expected, found, checkpoint, replayedRecords } of newest.report.partitions) {
    expect(expected).toMatchObject({ from: 'engine', digest: found?.digest });
    expect(expected?.nextOffset).toBe((checkpoint?.nextOffset ?? 0) + (replayedRecords ?? -1));
  }
  expect(newest.report.replayedRecords).toBeGreaterThan(0);
  expect(scratchLeft(where)).toEqual([]);

  const previous = await drill(where, '--checkpoint', 'previous', '--partition', '2');
  expect(previous.report).toMatchObject({ verdict: 'equal', partitions: [{ partition: 2 }] });

  const created = await text(where, 'checkpoint', 'create', '--name', 'good');
  expect(created.code).toBe(0);
  expect((await drill(where, '--checkpoint', 'good')).report.verdict).toBe('equal');

  // Whole by itself, and wrong: `checkpoint verify` cannot see it.
  const store = await openFolderStore(join(where.data, 'checkpoints'), systemClock);
  const of = { topic: 'transactions', partition: 3 };
  const forgedKey = await forgeCheckpoint(store, await savepointOf(store, of, 'good'));
  expect((await text(where, 'checkpoint', 'verify', '--partition', '3')).code).toBe(0);
  const forged = await drill(where, '--checkpoint', 'good');
  expect(forged.code).toBe(1);
  expect(forged.stderr).toContain('[DRILL_DIFFERENT]');
  expect(forged.report.verdict).toBe('different');
  expect(forged.report.partitions.map(({ verdict }) => verdict)).toEqual([
    ...['equal', 'equal', 'equal'],
    'different',
  ]);

  const body = (await store.get(forgedKey)) as Uint8Array;
  await store.put(
    forgedKey,
    body.map((byte, i) => (i === 30 ? byte ^ 1 : byte)),
  );
  const damaged = await drill(where, '--checkpoint', 'good', '--partition', '3');
  expect(damaged.code).toBe(1);
  expect(damaged.stderr).toContain('[DRILL_FAILED]');
  expect(damaged.report.reason).toContain(forgedKey);
  expect(damaged.report.reason).toContain('[CHECKPOINT_CORRUPT]');

  expect((await newestDrill(engine))?.newest).toEqual(damaged.report);
  const { body: exposed } = await callUrl(`${engine.address}/metrics`);
  const success = parseMetrics(exposed).get('shrike_drill_success')?.samples;
  expect(success).toMatchObject([{ labels: { kind: 'restore' }, value: 0 }]);
  expect((await engine.command.interrupt()).code).toBe(0);

  // No engine: the newest checkpoint is what the one before it must come to.
  const alone = await drill(where, '--checkpoint', 'previous', '--partition', '1');
  expect(alone.report).toMatchObject({
    verdict: 'equal',
    partitions: [{ expected: { from: 'manifest' } }],
  });
  expect(scratchLeft(where)).toEqual([]);
});

test('on a bucket: restored from it alone, and the report lies in it', async () => {
  const minio: MinioServer = await sharedMinio();
  await minio.createBucket('drills');
  const settings = [...SETTINGS, ...minio.settings('drills')];
  const where: Where = { data: join(folder, 'bucket'), settings, env: minio.env };
  const engine = await start(where);
  await sealedTwice(engine);

  const shown = await text(where, 'drill', 'restore', '--checkpoint', 'previous');
  expect(shown.stderr).toBe('');
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/^to live \(RTO\): \d+\.\d+ s, the partitions one after the other/m);
  expect(shown.stdout).toMatch(/^verdict: equal$/m);

  const key = /^report: (\S+)$/m.exec(shown.stdout)?.[1] ?? '';
  const report = await withEnvironment(minio.env, async () => {
    const store: ObjectStore = await s3Store({ bucket: 'drills', endpoint: minio.endpoint });
    const reports = new DrillReports({ store, application: 'shrike', topic: 'transactions' });
    expect((await reports.list()).map((one) => one.key)).toEqual([key]);
    return (await reports.newest())[0]?.newest;
  });
  expect(report).toMatchObject({ kind: 'restore', checkpoint: 'previous', verdict: 'equal' });
  expect(await newestDrill(engine)).toEqual({ newest: report, lastPassedAtMs: report?.endedAtMs });
  expect((await engine.command.interrupt()).code).toBe(0);

  const again = await drill(where, '--set', 'checkpoints.keepDrills=1', '--partition', '1');
  expect(again.code, again.stderr).toBe(0);
  const listed = await text(where, 'drill', 'list', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject([
    { kind: 'restore', verdict: 'equal', key: expect.stringContaining(again.report.id) },
  ]);
  expect((await text(where, 'drill', 'list')).stdout).toContain(again.report.id);

  // From a folder with a log of its own: its offsets are others, whatever they come to.
  const other = { ...where, data: join(folder, 'other-log') };
  const made = await text(other, 'simulate', '--payments', '50', '--rate', 'max');
  expect(made.code, made.stderr).toBe(0);
  const refused = await text(other, 'drill', 'restore');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('[CHECKPOINT_OF_OTHER_LOG]');
  expect(refused.stderr).toContain('was made from the log');
});
