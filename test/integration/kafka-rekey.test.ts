import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.ts';
import type { Log } from '../../src/core/log.ts';
import { seeded } from '../../src/core/random.ts';
import { PackedRecords } from '../../src/core/records.ts';
import { openKafkaLog } from '../../src/log/kafka/log.ts';
import { appendCardKeyed } from '../support/card-keyed.ts';
import { Command, until } from '../support/command-line.ts';
import { readGoldenRows } from '../support/golden-rows.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { bootstrapOf } from '../support/kafka-log.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const GROUP = 'shrike-rekey';
const PAYMENTS = 2026;
let kafka: KafkaBroker;
let log: Log;

beforeAll(async () => {
  kafka = await startKafka();
  log = await openKafkaLog({
    settings: bootstrapOf(kafka.bootstrap),
    transactionalId: 'test-of-rekeying',
    instanceId: '',
    assignment: 'cooperative',
    sessionTimeoutMs: 10_000,
    transactionTimeoutMs: 60_000,
    replicationFactor: -1,
    clock,
    random: seeded(7),
    onTrouble: () => undefined,
  });
}, 120_000);

afterAll(async () => {
  await log.close();
  await kafka.remove();
});

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

async function rekeyedCount(): Promise<number> {
  const all = Array.from({ length: 5 }, (_, partition) => ({ topic: 'transactions', partition }));
  const committed = await log.committed(GROUP, all);
  return committed.reduce<number>((sum, offset) => sum + (offset ?? 0), 0);
}

test('an input keyed by card, on a real broker: killed in the middle, all of it once, golden scores', async () => {
  await appendCardKeyed(log);
  const folder = await scratchFolder();
  const args = [
    ...['run', '--no-listen', '--json', `--data=${join(folder, 'data')}`],
    ...[`--set=kafka.bootstrap=${kafka.bootstrap}`, '--set=kafka.instanceId=one'],
    ...['--set=input.keyedByUser=false', '--set=workers=1'],
  ];
  const slowly = ['--set=commit.recordsMax=40', '--set=commit.minIntervalMs=50'];
  const first = new Command([...args, ...slowly]);
  await until(async () => (await rekeyedCount()) > 400 || first.process.exitCode !== null);
  expect(first.process.exitCode, first.stderr).toBe(null);
  first.process.kill('SIGKILL');
  await first.ended;
  expect(await rekeyedCount()).toBeLessThan(PAYMENTS);

  const { code, stderr } = await new Command([...args, '--until-end']).ended;
  expect(code, stderr).toBe(0);
  const idxOf = (value: string) => (JSON.parse(value) as { idx: number }).idx;
  const rekeyed = (await valuesOf('transactions-by-user', 8)).map(idxOf);
  const all = Array.from({ length: PAYMENTS }, (_, idx) => idx);
  expect(rekeyed.toSorted((a, b) => a - b)).toEqual(all);
  expect(await valuesOf('dead_letters', 8)).toHaveLength(2);
  const scored = (await valuesOf('scored', 8))
    .map((value) => JSON.parse(value) as { idx: number; score: number })
    .sort((a, b) => a.idx - b.idx);
  expect(scored.map(({ idx }) => idx)).toEqual(all);
  expect(Float32Array.from(scored, ({ score }) => score)).toEqual(readGoldenRows().scores);
}, 120_000);
