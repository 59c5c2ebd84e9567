/** `shrike dlq`: records that could not be used, and their way back. */
import { createHash } from 'node:crypto';
import { systemClock as clock } from '../core/clock.ts';
import { packRecords } from '../core/records.ts';
import { outputNames } from '../job.ts';
import { withAccess } from './access.ts';
import type { Access } from './access-contract.ts';
import { configOf, print, printJson, table } from './common.ts';
import { type LogReader, partitionsOf, recordsOf } from './log-records.ts';
import type { CommonOptions } from './options.ts';

export interface DeadLetterOptions extends CommonOptions {
  readonly code?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** docs/formats/dead_letters.schema.json */
interface DeadLetter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp_ms: number;
  readonly code: string;
  readonly reason: string;
  readonly key: string | null;
  readonly value_base64: string | null;
  /** Where the letter holds a part of the record only: what all of it is. */
  readonly truncated?: { readonly value_sha256: string | null };
}

/** Records of one append. */
const APPEND_RECORDS_MAX = 1000;

export async function list(options: DeadLetterOptions): Promise<void> {
  const { config } = configOf(options);
  await withAccess(config, async (access) => {
    const rows: (readonly (string | number)[])[] = [];
    for await (const letter of lettersOf(access, {
      ...options,
      topic: outputNames(config).deadLetters,
    })) {
      if (options.json === true) printJson(letter);
      else rows.push(rowOf(letter));
    }
    if (options.json !== true) printRows(rows);
  });
}

function printRows(rows: readonly (readonly (string | number)[])[]): void {
  if (rows.length === 0) print('no dead letters');
  else print(table([['topic', 'partition', 'offset', 'at', 'code', 'reason'], ...rows]));
}

function rowOf({ topic, partition, offset, timestamp_ms, code, reason }: DeadLetter) {
  return [topic, partition, offset, new Date(timestamp_ms).toISOString(), code, reason] as const;
}

export async function redrive(options: DeadLetterOptions): Promise<void> {
  const { config } = configOf(options);
  await withAccess(config, async (access, signal) => {
    let count = 0;
    let goneCount = 0;
    let waiting: DeadLetter[] = [];
    const reader = await access.reader();
    const send = async () => {
      if (options.dryRun !== true) await append(access, waiting);
      else if (options.json !== true) printRows(waiting.map(rowOf));
      count += waiting.length;
      waiting = [];
    };
    try {
      for await (const letter of lettersOf(access, {
        ...options,
        topic: outputNames(config).deadLetters,
      })) {
        if (signal.aborted) break;
        // One append has one topic and partition.
        const isSamePlace = waiting.every(
          (one) => one.topic === letter.topic && one.partition === letter.partition,
        );
        if (!isSamePlace || waiting.length === APPEND_RECORDS_MAX) await send();
        const whole = await wholeOf(reader, letter);
        if (whole === undefined) goneCount += 1;
        else waiting.push(whole);
      }
      if (waiting.length > 0) await send();
    } finally {
      // Also when it broke off: what is appended must not be appended again unawares.
      tell({ count, goneCount }, options);
    }
  });
}

interface Counts {
  readonly count: number;
  readonly goneCount: number;
}

function tell({ count, goneCount }: Counts, { dryRun, json }: DeadLetterOptions): void {
  const isDryRun = dryRun === true;
  const gone = goneCount > 0 && { gone: goneCount };
  if (json === true) printJson({ records: count, dryRun: isDryRun, ...gone });
  else {
    print(`${count} ${isDryRun ? 'to be appended' : 'appended'} again`);
    if (goneCount > 0) print(`${goneCount} not: too large for a letter, and gone from their topic`);
  }
}

/** The letter with all of its record; undefined when neither the letter nor the topic has it. */
async function wholeOf(reader: LogReader, letter: DeadLetter): Promise<DeadLetter | undefined> {
  if (letter.truncated === undefined) return letter;
  const { topic, partition, offset, truncated } = letter;
  const { earliest, highWatermark } = await reader.offsets({ topic, partition });
  if (offset < earliest || offset >= highWatermark) return undefined;
  const span = { topic, partition, from: offset, to: offset + 1 };
  for await (const { key, value } of recordsOf(reader, span)) {
    // Of a topic that was made anew another record may lie there.
    const found = value === undefined ? null : createHash('sha256').update(value).digest('hex');
    if (found !== truncated.value_sha256) return undefined;
    return { ...letter, key: key ?? null, value_base64: value?.toString('base64') ?? null };
  }
  return undefined;
}

async function append(access: Access, letters: readonly DeadLetter[]): Promise<void> {
  const [first] = letters;
  if (first === undefined) return;
  const { topic, partition } = first;
  const timestampMs = clock.nowMs();
  const records = packRecords(
    letters.map(({ key, value_base64: value }) => ({
      key: key ?? undefined,
      value: value === null ? undefined : Buffer.from(value, 'base64'),
      timestampMs,
    })),
  );
  await access.append([{ topic, partition, records }]);
}

/** In the order of the topic, partition by partition, up to its end as of now. */
async function* lettersOf(
  access: Access,
  { topic, code, partition, offset }: DeadLetterOptions & { readonly topic: string },
): AsyncGenerator<DeadLetter> {
  const reader = await access.reader();
  const partitions = await partitionsOf(reader, topic);
  for (let index = 0; index < partitions; index++) {
    // A dead letter lies in the partition with the number of its record's; that of a topic with
    // more partitions, which is re-keyed, where the number's remainder says.
    if (partition !== undefined && partition % partitions !== index) continue;
    const of = { topic, partition: index };
    const { earliest: from, highWatermark: to } = await reader.offsets(of);
    for await (const { value } of recordsOf(reader, { ...of, from, to })) {
      if (value === undefined) continue;
      const letter = JSON.parse(value.toString()) as DeadLetter;
      if (code !== undefined && letter.code !== code) continue;
      if (partition !== undefined && letter.partition !== partition) continue;
      if (offset === undefined || letter.offset === offset) yield letter;
    }
  }
}
