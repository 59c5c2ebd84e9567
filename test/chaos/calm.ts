/**
 * What is right: the payments of the simulator, and what a run on the embedded log that nothing
 * disturbs makes of them.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock as clock } from '../../src/core/clock.ts';
import type { Log } from '../../src/core/log.ts';
import { PackedRecords } from '../../src/core/records.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { builtUrl } from '../support/built.ts';
import { newestCheckpoints } from '../support/newest-checkpoints.ts';
import type { RecordToSend } from '../support/rdkafka.ts';

export interface CalmRun {
  /** By topic, in the order of their partitions and offsets. */
  readonly input: Readonly<Record<InputTopic, readonly RecordToSend[]>>;
  /** By idx. */
  readonly scores: readonly number[];
  /** The idx of each payment that is an alert, ascending. */
  readonly alerts: readonly number[];
  /** State digests by partition. */
  readonly digests: readonly string[];
}

export type InputTopic = 'transactions' | 'users' | 'cards';

export const PARTITIONS = 8;

/** @param payments a whole number: so many, and always the same for a seed */
export async function calmRun(
  folder: string,
  { payments, seed }: { readonly payments: number; readonly seed: number },
): Promise<CalmRun> {
  const [data, out] = [join(folder, 'calm'), join(folder, 'calm-out')];
  const args = [
    ...[fileURLToPath(builtUrl('src/cli.js')), 'run', '--source=simulate', '--rate=max'],
    ...['--population=400', '--fraud-rate=0.02', `--seed=${seed}`, `--payments=${payments}`],
    ...['--history-days=0', '--no-listen', '--json', '--until-end', `--out=${out}`],
    `--data=${data}`,
  ];
  await promisify(execFile)(process.execPath, args, { maxBuffer: 64 << 20 });
  const lines = (name: string) =>
    readFileSync(join(out, name), 'utf8').split('\n').filter(Boolean).map(parse);
  const scores: number[] = [];
  for (const { idx, score } of lines('scored.jsonl')) scores[idx as number] = score as number;
  const log = await openEmbeddedLog(join(data, 'log'), {
    sync: 'interval',
    syncIntervalMs: 100,
    clock,
  });
  try {
    return {
      input: {
        transactions: await recordsOf(log, 'transactions'),
        users: await recordsOf(log, 'users'),
        cards: await recordsOf(log, 'cards'),
      },
      scores,
      alerts: lines('fraud_alerts.jsonl')
        .map(({ idx }) => idx as number)
        .sort((a, b) => a - b),
      digests: newestCheckpoints(data).map(({ digest }) => JSON.stringify(digest)),
    };
  } finally {
    await log.close();
  }
}

/** A share of the payments, by their order in each partition. */
export interface Share extends CalmRun {
  /** All payments up to the share's end. */
  readonly until: number;
}

/** @param from 0 to 1, as `until` */
export function shareOf(calm: CalmRun, from: number, until: number): Share {
  const byPartition = Array.from({ length: PARTITIONS }, (_, partition) =>
    calm.input.transactions.filter((record) => record.partition === partition),
  );
  const before = (share: number, { length }: readonly unknown[]) => Math.round(share * length);
  const transactions = byPartition.flatMap((records) =>
    records.slice(before(from, records), before(until, records)),
  );
  return {
    ...calm,
    input: { ...calm.input, transactions },
    until: byPartition.reduce((sum, records) => sum + before(until, records), 0),
  };
}

function parse(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}

async function recordsOf(log: Log, topic: string): Promise<readonly RecordToSend[]> {
  const found: RecordToSend[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const at = { topic, partition };
    const { earliest, highWatermark } = await log.offsets(at);
    let from = earliest;
    while (from < highWatermark) {
      const { batches } = await log.read({ ...at, from, bytesMax: 1 << 20, waitMs: 0 });
      for (const batch of batches) {
        const records = PackedRecords.of(batch.bytes);
        for (let i = 0; i < records.count; i++) {
          const value = records.value(i);
          found.push({
            partition,
            key: records.key(i) ?? null,
            value: value === undefined ? null : Buffer.from(value),
          });
        }
        from = batch.nextOffset;
      }
    }
  }
  return found;
}
