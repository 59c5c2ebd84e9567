/**
 * The golden payments as a producer would send them that knows cards only: its key is the card, and
 * the partition goes by that. Two records more are nobody's.
 */
import type { Append, Log } from '../../src/core/log.ts';
import { type NewRecord, packRecords } from '../../src/core/records.ts';
import { goldenSet } from './golden-set.ts';

const INPUTS = 5;
const TARGETS = 8;
const START_MS = 1_700_000_000_000;
/** Small appends, so that a reader has something to wait for. */
const APPEND_RECORDS = 50;

function byCard({ value }: NewRecord, idx: number) {
  const { user, card } = JSON.parse(String(value)) as { user: number; card: number };
  const partition = (user * 31 + card * 7) % INPUTS;
  return { partition, record: { key: `card-${user}-${card}`, value, timestampMs: START_MS + idx } };
}

function paymentsOf(records: readonly NewRecord[]): Append[] {
  const lists = Array.from({ length: INPUTS }, (): NewRecord[] => []);
  for (const [idx, one] of records.entries()) {
    const { partition, record } = byCard(one, idx);
    lists[partition]?.push(record);
  }
  const appends: Append[] = [];
  for (const [partition, list] of lists.entries()) {
    for (let at = 0; at < list.length; at += APPEND_RECORDS) {
      const part = packRecords(list.slice(at, at + APPEND_RECORDS));
      appends.push({ topic: 'transactions', partition, records: part });
    }
  }
  return appends;
}

function profilesOf(topic: string, records: readonly NewRecord[]): Append[] {
  return Array.from({ length: TARGETS }, (_, partition) => {
    const own = records.filter(({ key }) => Number.parseInt(key ?? '') % TARGETS === partition);
    return { topic, partition, records: packRecords(own) };
  });
}

export async function appendCardKeyed(log: Log): Promise<void> {
  const { transactions, users, cards } = goldenSet();
  const kept = { partitions: TARGETS, cleanup: 'compact' as const, retentionMs: 0 };
  await log.ensureTopics([
    { topic: 'transactions', partitions: INPUTS, cleanup: 'delete', retentionMs: 0 },
    { topic: 'users', ...kept },
    { topic: 'cards', ...kept },
  ]);
  await log.append([...profilesOf('users', users), ...profilesOf('cards', cards)]);
  await log.append(paymentsOf(transactions));
  const nobodys = ['{"idx":1}', 'not JSON'].map((value) => ({
    key: undefined,
    value,
    timestampMs: START_MS + 1,
  }));
  await log.append([{ topic: 'transactions', partition: 4, records: packRecords(nobodys) }]);
}
