import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf } from '../../src/core/errors.ts';
import type { Log } from '../../src/core/log.ts';
import { seeded } from '../../src/core/random.ts';
import { PackedRecords } from '../../src/core/records.ts';
import { openKafkaLog } from '../../src/log/kafka/log.ts';
import { appendCardKeyed } from '../support/card-keyed.ts';
import { Command, until } from '../support/command-line.ts';
import { readGoldenRows } from '../support/golden-rows.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { bootstrapOf, LOG_OPTIONS } from '../support/kafka-log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const PAYMENTS = 2026;
let kafka: KafkaBroker;
let log: Log;

beforeAll(async () => {
  kafka = await startKafka();
  log = await openKafkaLog({
    settings: bootstrapOf(kafka.bootstrap),
    ...LOG_OPTIONS,
    transactionalId: 'test-of-rekeying',
    sessionTimeoutMs: 10_000,
    transactionTimeoutMs: 60_000,
    random: seeded(7),
  });
  await appendCardKeyed(log);
}, 120_000);

afterAll(async () => {
  await log.close();
  await kafka.remove();
});

function runArgs(data: string, name: string, ...more: readonly string[]): string[] {
  const flags = [`kafka.bootstrap=${kafka.bootstrap}`, `kafka.instanceId=${name}`, ...more];
  const all = [...flags, 'input.keyedByUser=false', 'workers=1', 'kafka.sessionTimeoutMs=3000'];
  const settings = all.map((flag) => `--set=${flag}`);
  return ['run', '--no-listen', '--json', `--data=${data}`, ...settings];
}

/** Of the commit that a dead process left open, and that nobody continues. */
const PATIENCE = 'kafka.transactionTimeoutMs=3000';
const SLOWLY = ['commit.recordsMax=40', 'commit.minIntervalMs=50'];
const INPUTS = Array.from({ length: 5 }, (_, partition) => ({ topic: 'transactions', partition }));

async function rekeyedCount(group: string): Promise<number> {
  const committed = await log.committed(group, INPUTS);
  return committed.reduce<number>((sum, offset) => sum + (offset ?? 0), 0);
}

async function isAllRekeyed(group: string): Promise<boolean> {
  const committed = await log.committed(group, INPUTS).catch((error: unknown) => {
    // A commit that a dead process left open is undecided until the broker aborts it.
    if (codeOf(error) === 'LOG_UNAVAILABLE') return [];
    throw error;
  });
  const ends = await Promise.all(INPUTS.map((of) => log.offsets(of)));
  return ends.every(({ highWatermark }, i) => (committed[i] ?? 0) >= highWatermark);
}

function idxesOf(values: readonly string[]): number[] {
  return values.map((value) => (JSON.parse(value) as { idx: number }).idx).sort((a, b) => a - b);
}

/** What a read committed consumer sees. */
async function valuesOf(topic: string, partitions: number): Promise<string[]> {
  const values: string[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const { highWatermark } = await log.offsets({ topic, partition });
    let from = (await log.offsets({ topic, partition })).earliest;
    while (from < highWatermark) {
      const read = await log.read({ topic, partition, from, bytesMax: 1 << 20, waitMs: 1000 });
      for (const { bytes, baseOffset, nextOffset } of read.batches) {
        const records = PackedRecords.of(bytes);
        for (let i = 0; i < records.count; i++) {
          if (records.offset(baseOffset, i) >= from) values.push(String(records.value(i)));
        }
        from = nextOffset;
      }
    }
  }
  return values;
}

const ALL = Array.from({ length: PAYMENTS }, (_, idx) => idx);

test('an input keyed by card, on a real broker: killed in the middle, all of it once, golden scores', async () => {
  const data = join(await scratchFolder(), 'data');
  const first = new Command(runArgs(data, 'one', ...SLOWLY));
  await until(async () => {
    return (await rekeyedCount('shrike-rekey')) > 400 || first.process.exitCode !== null;
  });
  expect(first.process.exitCode, first.stderr).toBe(null);
  first.process.kill('SIGKILL');
  await first.ended;
  expect(await isAllRekeyed('shrike-rekey')).toBe(false);

  const { code, stderr } = await new Command([...runArgs(data, 'one'), '--until-end']).ended;
  expect(code, stderr).toBe(0);
  // As the input: these payments are years old, and a broker would delete them within minutes.
  expect((await log.topics(['transactions-by-user']))[0]?.retentionMs).toBe(0);
  expect(idxesOf(await valuesOf('transactions-by-user', 8))).toEqual(ALL);
  expect(await valuesOf('dead_letters', 8)).toHaveLength(2);
  const scored = (await valuesOf('scored', 8))
    .map((value) => JSON.parse(value) as { idx: number; score: number })
    .sort((a, b) => a.idx - b.idx);
  expect(scored.map(({ idx }) => idx)).toEqual(ALL);
  expect(Float32Array.from(scored, ({ score }) => score)).toEqual(readGoldenRows().scores);
}, 120_000);

test('of two processes that re-key one is killed: the other takes its partitions, all of it once', async () => {
  const folder = await scratchFolder();
  const apart = ['application=two', 'input.rekeyed=by-user-2', PATIENCE, ...SLOWLY];
  const [first, second] = ['a', 'b'].map(
    (name) => new Command(runArgs(join(folder, name), name, ...apart)),
  ) as [Command, Command];
  await until(async () => (await rekeyedCount('two-rekey')) > 300);
  expect(await isAllRekeyed('two-rekey')).toBe(false);
  first.process.kill('SIGKILL');
  await first.ended;
  await until(() => isAllRekeyed('two-rekey'));
  const { code, stderr } = await second.interrupt();
  expect(code, stderr).toBe(0);
  expect(idxesOf(await valuesOf('by-user-2', 8))).toEqual(ALL);
}, 120_000);
