/** Features as Parquet: `idx` INT64 and a FLOAT a feature, one row group in memory at a time. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { FeatureFile } from './feature-files.ts';
import type { TextFile } from './text-file.ts';

/**
 * 64 Ki rows of 32 features are 8 MiB: small beside everything else, large enough to compress well.
 */
const GROUP_ROWS = 1 << 16;

export function openParquetFeatures(
  out: TextFile,
  names: readonly string[],
  groupRows = GROUP_ROWS,
): FeatureFile {
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema: [
      { name: 'root', num_children: names.length + 1 },
      { name: 'idx', type: 'INT64', repetition_type: 'REQUIRED' },
      ...names.map((name) => ({ name, type: 'FLOAT', repetition_type: 'REQUIRED' }) as const),
    ],
    createdBy: 'shrike',
  });
  const idx = new BigInt64Array(groupRows);
  const columns = names.map(() => new Float32Array(groupRows));
  let rows = 0;
  const flush = async (): Promise<void> => {
    await out.write(writer.getBytes());
    writer.index = 0;
  };
  const endGroup = async (): Promise<void> => {
    const data = [idx, ...columns].map((column) => column.subarray(0, rows));
    const columnData = ['idx', ...names].map((name, i) => ({
      name,
      data: data[i] as Float32Array,
    }));
    await parquet.write({ columnData, rowGroupSize: groupRows });
    rows = 0;
    await flush();
  };
  return {
    async add(record) {
      const position = record.readDoubleLE(0);
      // -1, as in the log, for a record that came without a position.
      idx[rows] = Number.isSafeInteger(position) ? BigInt(position) : -1n;
      columns.forEach((column, i) => {
        column[rows] = record.readFloatLE(8 + 4 * i);
      });
      if (++rows === groupRows) await endGroup();
    },
    async end() {
      if (rows > 0) await endGroup();
      await parquet.finish();
      await flush();
    },
  };
}
