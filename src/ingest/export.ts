/** What the engine wrote to the log, as files: scores, alerts and features, in ascending `idx`. */
import { join } from 'node:path';
import { ShrikeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type FeatureFile, openCsvFeatures } from './feature-files.ts';
import { type MergeTopicOptions, mergeTopic } from './idx-merge.ts';
import { openParquetFeatures } from './parquet-features.ts';
import type { OnProgress } from './progress.ts';
import { type TextFile, writingFiles } from './text-file.ts';

export interface ExportOptions {
  readonly log: Pick<Log, 'offsets' | 'read' | 'topics'>;
  readonly outDir: string;
  readonly topics: { readonly scored: string; readonly alerts: string; readonly features: string };
  /** Undefined: no features file. */
  readonly features?: 'csv' | 'parquet' | undefined;
  /** Names of the float32 values of a `features` record, in their order. */
  readonly featureNames: readonly string[];
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExportedFile {
  readonly file: string;
  readonly records: number;
  /** False where a partition did not ascend in idx, so that the file does not either. */
  readonly ordered: boolean;
}

/**
 * Writes scored.jsonl, fraud_alerts.jsonl and, if asked for, features.csv or features.parquet, up
 * to the high watermarks of this moment. A topic that does not exist gives an empty file.
 * @throws DISK_FULL, DATA_DIR_UNWRITABLE, RECORD_FIELD_INVALID (a features record of another width)
 */
export async function exportOutputs(options: ExportOptions): Promise<readonly ExportedFile[]> {
  const { topics, features } = options;
  const exported = [
    await exportLines(options, topics.scored, 'scored.jsonl'),
    await exportLines(options, topics.alerts, 'fraud_alerts.jsonl'),
  ];
  return features === undefined ? exported : [...exported, await exportFeatures(options, features)];
}

async function exportLines(
  options: ExportOptions,
  topic: string,
  name: string,
): Promise<ExportedFile> {
  const file = join(options.outDir, name);
  return writingFiles([file], async ([out]) => {
    const { records, ordered } = await drain(options, { topic, idxOf: jsonIdx }, async (values) => {
      for (const value of values) (out as TextFile).add(`${value.toString('utf8')}\n`);
      await (out as TextFile).flushWhenLarge();
    });
    return { file, records, ordered };
  });
}

async function exportFeatures(
  options: ExportOptions,
  format: 'csv' | 'parquet',
): Promise<ExportedFile> {
  const { featureNames, outDir, topics } = options;
  const file = join(outDir, `features.${format}`);
  return writingFiles([file], async ([out]) => {
    const openFile = format === 'csv' ? openCsvFeatures : openParquetFeatures;
    const into: FeatureFile = openFile(out as TextFile, featureNames);
    const width = featureNames.length;
    const from = { topic: topics.features, idxOf: (value: Buffer) => binaryIdx(value, width) };
    const { records, ordered } = await drain(options, from, async (values) => {
      for (const value of values) await into.add(value);
    });
    await into.end();
    return { file, records, ordered };
  });
}

type Source = Pick<MergeTopicOptions, 'topic' | 'idxOf'>;

async function drain(
  options: ExportOptions,
  source: Source,
  take: (values: readonly Buffer[]) => Promise<void>,
): Promise<{ records: number; ordered: boolean }> {
  const { log, signal, progress } = options;
  const description = (await log.topics([source.topic]))[0];
  const ends = description?.offsets ?? [];
  const total = ends.reduce((sum, end) => sum + end.highWatermark - end.earliest, 0);
  const merged = mergeTopic({ ...source, log, signal, partitions: ends.length });
  let rows = 0;
  for (;;) {
    const next = await merged.next();
    if (next.done === true) return next.value;
    await take(next.value.map(({ value }) => value));
    rows += next.value.length;
    progress?.({ stage: `writing ${source.topic}`, rows, done: rows, total });
  }
}

/**
 * `{"idx":12,…`: the engine writes idx first. Another place would cost a parse of the whole value.
 */
function jsonIdx(value: Buffer): number | undefined {
  const match = /^\{"idx":(\d{1,15})[,}]/.exec(value.toString('latin1', 0, 32));
  return match === null ? undefined : Number(match[1]);
}

function binaryIdx(value: Buffer, width: number): number {
  if (value.length === 8 + 4 * width) return value.readDoubleLE(0);
  throw new ShrikeError(
    'RECORD_FIELD_INVALID',
    `a features record has ${value.length} bytes, not 8 + 4 x ${width}: another model wrote it`,
  );
}
