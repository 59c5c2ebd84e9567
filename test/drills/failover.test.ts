/** `shrike drill failover` in a group on a real broker, with its checkpoints on a real MinIO. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DrillSummary, FailoverReport } from '../../src/core/drill.ts';
import { Command, type Ended, startEngineIn, until } from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { type MinioServer, sharedMinio } from '../support/minio-server.ts';

/** Three processes, a broker, and a session that has to end: half a minute on a quiet machine. */
const LIMIT_MS = 300_000;

let folder: string;
let kafka: KafkaBroker;
let minio: MinioServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shrike-failover-'));
  [kafka, minio] = await Promise.all([startKafka(), sharedMinio()]);
  await minio.createBucket('failover');
});
afterAll(async () => {
  await kafka.remove();
  await rm(folder, { recursive: true, force: true });
});

function settings(): readonly string[] {
  return [
    ...minio.settings('failover'),
    ...['--set', `kafka.bootstrap=${kafka.bootstrap}`],
    // The least that a broker allows.
    ...['--set', 'kafka.sessionTimeoutMs=6000'],
    ...['--set', 'input.partitions=4'],
  ];
}

function drill(data: string, ...args: string[]): Promise<Ended> {
  return run('failover', data, args);
}

function run(kind: string, data: string, args: readonly string[]): Promise<Ended> {
  return new Command(['drill', kind, '--json', '--data', data, ...args], minio.env).ended;
}

test(
  'a member that is killed is taken over by the other one, and the engine shows the drill',
  async () => {
    const data = join(folder, 'one');
    const load = ['--source', 'simulate', '--population', '200', '--rate', '300', '--json'];
    const engine = await startEngineIn(minio.env, data, ...settings(), ...load);
    await until(async () => (await callUrl(`${engine.address}/readyz`)).status === 200);

    const { code, stdout } = await drill(data, ...settings());
    const report = JSON.parse(stdout) as FailoverReport;
    const recovered = { kind: 'failover', verdict: 'recovered', reason: null };
    expect(report, engine.command.stderr).toMatchObject(recovered);
    expect(code).toBe(0);
    expect(report.partitions).toHaveLength(2);
    for (const one of report.partitions) {
      expect(one.committedAtKill).toBeGreaterThan(0);
      expect(one.firstCommitSeconds).toBeGreaterThan(0);
      expect(one.caughtUpSeconds).toBeGreaterThanOrEqual(one.firstCommitSeconds ?? 0);
    }
    const times = report.partitions.map(({ firstCommitSeconds }) => firstCommitSeconds ?? 0);
    expect(report.rtoSeconds).toBe(Math.max(...times));

    const headers = { authorization: `Bearer ${engine.token}` };
    const { body } = await callUrl(`${engine.address}/api/drills`, { headers });
    expect((JSON.parse(body) as DrillSummary[])[0]?.newest).toEqual(report);
    expect((await engine.command.interrupt()).code).toBe(0);

    // From any machine: bucket and brokers are all that a restore needs.
    const elsewhere = join(folder, 'elsewhere');
    const restored = await run('restore', elsewhere, [...settings(), '--checkpoint', 'previous']);
    expect(restored.stderr).toBe('');
    expect(JSON.parse(restored.stdout)).toMatchObject({
      verdict: 'equal',
      partitions: Array.from({ length: 4 }, () => ({ expected: { from: 'manifest' } })),
    });
    expect(existsSync(elsewhere)).toBe(false);

    // Now the drill's member would be the only one.
    const alone = await drill(data, ...settings());
    expect(alone.code).toBe(1);
    expect(alone.stderr).toContain('[DRILL_NEEDS_GROUP]');
  },
  LIMIT_MS,
);

test('without Kafka, or without a bucket, it says what it needs and starts nothing', async () => {
  const embedded = await drill(join(folder, 'none'));
  expect(embedded.code).toBe(1);
  expect(embedded.stderr).toContain('the embedded log has one member');
  expect(embedded.stderr).toContain('[DRILL_NEEDS_GROUP]');
  const broker = ['--set', `kafka.bootstrap=${kafka.bootstrap}`];
  const noBucket = await drill(join(folder, 'none'), ...broker);
  expect(noBucket.stderr).toContain('no s3.bucket');
});
