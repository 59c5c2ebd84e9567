import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.ts';
import type { Append } from '../../src/core/log.ts';
import { type NewRecord, packRecords } from '../../src/core/records.ts';
import { claimDataFolder } from '../../src/data-folder.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { shrike } from '../support/command-line.ts';
import { goldenSet } from '../support/golden-set.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const INPUTS = 5;
const TARGETS = 8;

/** As a producer that knows cards only: its key is the card, and the partition goes by that. */
function byCard({ value, timestampMs: _ }: NewRecord, idx: number) {
  const { user, card } = JSON.parse(String(value)) as { user: number; card: number };
  const partition = (user * 31 + card * 7) % INPUTS;
  const record = { key: `card-${user}-${card}`, value, timestampMs: 1_700_000_000_000 + idx };
  return { partition, record };
}

function appendsOf(records: readonly NewRecord[]): Append[] {
  const lists = Array.from({ length: INPUTS }, (): NewRecord[] => []);
  for (const [idx, one] of records.entries()) {
    const { partition, record } = byCard(one, idx);
    lists[partition]?.push(record);
  }
  const appends: Append[] = [];
  for (const [partition, list] of lists.entries()) {
    for (let at = 0; at < list.length; at += 50) {
      const part = packRecords(list.slice(at, at + 50));
      appends.push({ topic: 'transactions', partition, records: part });
    }
  }
  return appends;
}

function profilesOf(topic: string, records: readonly NewRecord[]): Append[] {
  return Array.from({ length: TARGETS }, (_, partition) => ({
    topic,
    partition,
    records: packRecords(
      records.filter(({ key }) => Number.parseInt(key ?? '') % TARGETS === partition),
    ),
  }));
}

/** The golden payments in a log of five partitions by card, with two records that are nobody's. */
async function fill(data: string): Promise<void> {
  const { transactions, users, cards } = goldenSet();
  const folder = claimDataFolder(data);
  const log = await openEmbeddedLog(folder.log, { sync: 'commit', syncIntervalMs: 1, clock });
  const common = { cleanup: 'delete' as const, retentionMs: 0 };
  const kept = { partitions: TARGETS, cleanup: 'compact' as const, retentionMs: 0 };
  await log.ensureTopics([
    { topic: 'transactions', partitions: INPUTS, ...common },
    { topic: 'users', ...kept },
    { topic: 'cards', ...kept },
  ]);
  await log.append([...profilesOf('users', users), ...profilesOf('cards', cards)]);
  await log.append(appendsOf(transactions));
  const nobodys = ['{"idx":1}', 'not JSON'].map((value) => ({
    key: undefined,
    value,
    timestampMs: 1_700_000_000_001,
  }));
  await log.append([{ topic: 'transactions', partition: 4, records: packRecords(nobodys) }]);
  await log.close();
  folder.release();
}

test('an input keyed by card gives the golden scores, as if it were keyed by user', async () => {
  const folder = await scratchFolder();
  const data = join(folder, 'data');
  await fill(data);
  const common = [`--data=${data}`, '--set=input.keyedByUser=false'];
  const args = ['run', '--no-listen', '--json', '--until-end', `--out=${join(folder, 'out')}`];
  const { code, stderr } = await shrike(...args, ...common);
  expect(code, stderr).toBe(0);

  const scored = readFileSync(join(folder, 'out/scored.jsonl'), 'utf8').trim().split('\n');
  const scores = scored
    .map((line) => JSON.parse(line) as { idx: number; score: number })
    .map(({ idx, score }) => [idx, Math.fround(score)]);
  const [, ...golden] = readFileSync('test/golden/data/scores.csv', 'utf8').trim().split('\n');
  const wanted = golden.map((line) => line.split(',').map(Number) as [number, number]);
  expect(scores).toEqual(wanted.map(([idx, score]) => [idx, Math.fround(score)]));

  const dead = await shrike('dlq', 'list', '--json', ...common);
  const letters = dead.stdout.trim().split('\n');
  expect(letters.map((line) => JSON.parse(line) as object)).toMatchObject([
    { topic: 'transactions', partition: 4, code: 'RECORD_FIELD_INVALID' },
    { topic: 'transactions', partition: 4, code: 'RECORD_NOT_JSON' },
  ]);
  const { stdout } = await shrike('topics', '--json', ...common);
  expect(stdout).toContain('transactions-by-user');
});
