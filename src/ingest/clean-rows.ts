/**
 * Reads a raw file and yields its clean rows, block by block; what cannot be used goes to the
 * rejects.
 */
import { readCsv } from './csv-reader.ts';
import { FieldReader } from './field-reader.ts';
import type { OnProgress } from './progress.ts';
import { type RejectSink, RejectTally } from './rejects.ts';

export interface CleanRowsOptions<T> {
  readonly file: string;
  readonly columns: readonly string[];
  readonly clean: (fields: FieldReader, row: number) => T;
  readonly rejects: RejectSink;
  /** Rejects above it stop the work. Undefined: 1 % of the rows, and 100 in any case. */
  readonly rejectsMax?: number | undefined;
  readonly lineBytesMax?: number | undefined;
  readonly progress?: OnProgress | undefined;
  readonly stage: string;
  /** Checked between blocks. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws CSV_MISSING, CSV_UNREADABLE, CSV_EMPTY, CSV_HEADER, CSV_TOO_MANY_REJECTS */
export async function* cleanRows<T>(options: CleanRowsOptions<T>): AsyncGenerator<T[]> {
  const { file, columns, clean, progress, stage, signal, rejectsMax, lineBytesMax } = options;
  const sink = options.rejects;
  const tally = new RejectTally({ file, sink, rejectsMax });
  const fields = new FieldReader(columns);
  for await (const block of readCsv({ file, columns, lineBytesMax })) {
    signal?.throwIfAborted();
    for (const { line, reason } of block.flaws) {
      tally.add({ line, column: undefined, code: 'CSV_ROW_UNREADABLE', reason });
    }
    const items: T[] = [];
    for (const row of block.rows) {
      const item = clean(fields.start(row), row.row);
      if (fields.flaw === undefined) items.push(item);
      else tally.add({ line: row.line, code: 'RECORD_FIELD_INVALID', ...fields.flaw });
    }
    tally.rows += items.length;
    await tally.check();
    progress?.({ stage, rows: tally.rows, done: block.bytes, total: block.bytesTotal });
    if (items.length > 0) yield items;
  }
}
