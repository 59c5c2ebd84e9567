/** An output as bytes: rows, and in the footer what they are made of. */
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { type Cell, COLUMNS } from './alert-columns.ts';
import { type AlertIds, alertId, type IdRanges } from './alert-ids.ts';
import type { SourceRecord } from './plan.ts';

/** 8 Ki alerts of 1.2 KB are 10 MB: small beside the file, large enough for its statistics. */
const GROUP_ROWS = 1 << 13;
const RECORD_KEY = 'shrike.lake';
const FORMAT_VERSION = 1;

export interface OutputRecord {
  readonly formatVersion: number;
  readonly rows: number;
  readonly ids: IdRanges;
  readonly sources: readonly SourceRecord[];
}

export class OutputWriter {
  readonly #writer = new ByteWriter();
  readonly #parquet: ParquetWriter;
  /** Of the footer, which is written last. */
  readonly #metadata: { key: string; value: string }[] = [];
  #columns: Cell[][] = COLUMNS.map(() => []);
  #rows = 0;

  constructor() {
    this.#parquet = new ParquetWriter({
      writer: this.#writer,
      schema: [{ name: 'root', num_children: COLUMNS.length }, ...COLUMNS],
      kvMetadata: this.#metadata,
      createdBy: 'shrike',
    });
  }

  add(cells: readonly Cell[]): void {
    cells.forEach((cell, i) => this.#columns[i]?.push(cell));
    this.#rows++;
    if (this.#columns[0]?.length === GROUP_ROWS) this.#endGroup();
  }

  end(ids: IdRanges, sources: readonly SourceRecord[]): Uint8Array {
    this.#endGroup();
    const record: OutputRecord = { formatVersion: FORMAT_VERSION, rows: this.#rows, ids, sources };
    this.#metadata.push({ key: RECORD_KEY, value: JSON.stringify(record) });
    // Into memory: nothing of it waits.
    void this.#parquet.finish();
    return this.#writer.getBytes();
  }

  #endGroup(): void {
    if (this.#columns[0]?.length === 0) return;
    const columnData = COLUMNS.map(({ name }, i) => ({ name, data: this.#columns[i] ?? [] }));
    void this.#parquet.write({ columnData, rowGroupSize: GROUP_ROWS });
    this.#columns = COLUMNS.map(() => []);
  }
}

/** @returns undefined when it is no Parquet of ours, or its rows are not as many as it says. */
export function recordOf(body: Uint8Array): OutputRecord | undefined {
  try {
    const { key_value_metadata: pairs = [], num_rows: rows } = parquetMetadata(bufferOf(body));
    const text = pairs.find(({ key }) => key === RECORD_KEY)?.value ?? '';
    const record = JSON.parse(text) as OutputRecord;
    const isOurs = record.formatVersion === FORMAT_VERSION && BigInt(record.rows) === rows;
    return isOurs ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Adds the ids of an output's rows. */
export async function readIds(body: Uint8Array, into: AlertIds): Promise<void> {
  for (const row of await parquetReadObjects({ file: bufferOf(body), columns: ['id'] })) {
    const id = alertId(row.id);
    if (id !== undefined) into.add(id);
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
