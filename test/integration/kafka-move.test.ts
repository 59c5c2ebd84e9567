/**
 * Moving to another cluster, as docs/operations.md has it: topics are copied, state is rebuilt from
 * the copy. Processes on two real brokers; needs `npx tsc -b`.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Log } from '../../src/core/log.ts';
import { seeded } from '../../src/core/random.ts';
import { packRecords } from '../../src/core/records.ts';
import { openKafkaLog } from '../../src/log/kafka/log.ts';
import { Command, type Ended } from '../support/command-line.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { bootstrapOf, LOG_OPTIONS } from '../support/kafka-log.ts';
import { readAll } from '../support/log-records.ts';

const LIMIT_MS = 240_000;
const COPIED = ['transactions', 'users', 'cards'];

let old: KafkaBroker;
let young: KafkaBroker;
let scratch: string;

beforeAll(async () => {
  [old, young] = await Promise.all([startKafka(), startKafka()]);
  scratch = await mkdtemp(join(tmpdir(), 'shrike-move-'));
}, LIMIT_MS);
afterAll(async () => {
  await Promise.all([old.remove(), young.remove()]);
  await rm(scratch, { recursive: true });
});

interface Running {
  readonly kafka: KafkaBroker;
  readonly application: string;
  readonly args?: readonly string[];
}

/** `shrike run` up to the end of what is in the log; the data folder is the application's. */
function run({ kafka, application, args = [] }: Running): Promise<Ended> {
  const set = [`kafka.bootstrap=${kafka.bootstrap}`, `application=${application}`];
  const fixed = [...set, 'input.partitions=2', 'workers=1'].flatMap((one) => ['--set', one]);
  const until = ['--until-end', '--no-listen', '--data', join(scratch, application)];
  return new Command(['run', ...until, ...fixed, ...args]).ended;
}

async function scoresIn(out: string): Promise<readonly string[]> {
  const text = await readFile(join(scratch, out, 'scored.jsonl'), 'utf8');
  return text.trimEnd().split('\n');
}

async function opened(kafka: KafkaBroker): Promise<Log> {
  const log = await openKafkaLog({
    settings: bootstrapOf(kafka.bootstrap),
    ...LOG_OPTIONS,
    transactionalId: 'mirror',
    random: seeded(process.pid),
  });
  onTestFinished(() => log.close());
  return log;
}

/** What a mirror does that reads committed: records with their partitions, offsets of its own. */
async function mirror(): Promise<void> {
  const [from, to] = await Promise.all([opened(old), opened(young)]);
  const topics = await from.topics(COPIED);
  await to.ensureTopics(topics);
  for (const { topic, partitions } of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const records = await readAll(from, { topic, partition });
      await to.append([{ topic, partition, records: packRecords(records) }]);
    }
  }
}

test('a copy of the topics is scored as they were, under another application and from the start', {
  timeout: LIMIT_MS,
}, async () => {
  const simulated = [
    ...['--source', 'simulate', '--population', '40', '--history-days', '0'],
    ...['--rate', 'max', '--payments', '500', '--out', join(scratch, 'out-old')],
  ];
  const first = await run({ kafka: old, application: 'here', args: simulated });
  expect(first.code, first.stderr).toBe(0);
  await mirror();

  // A setting that was forgotten: nothing of the old cluster's is taken for the new one's.
  const forgotten = await run({ kafka: young, application: 'here' });
  expect(forgotten.code).not.toBe(0);
  expect(forgotten.stderr).toContain('CHECKPOINT_OF_OTHER_LOG');

  const args = ['--out', join(scratch, 'out-young')];
  const moved = await run({ kafka: young, application: 'there', args });
  expect(moved.code, moved.stderr).toBe(0);
  const scores = await scoresIn('out-old');
  expect(scores).toHaveLength(500);
  expect(await scoresIn('out-young')).toEqual(scores);

  // And back: the old cluster goes on where it was, and scores nothing twice.
  const back = ['--out', join(scratch, 'out-back')];
  const returned = await run({ kafka: old, application: 'here', args: back });
  expect(returned.code, returned.stderr).toBe(0);
  expect(await scoresIn('out-back')).toEqual(scores);
});
