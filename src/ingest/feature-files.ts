/**
 * A features file takes records of the `features` topic: f64 idx, then a float32 a feature,
 * little-endian.
 */
import { float32Text } from './float32-text.ts';
import type { TextFile } from './text-file.ts';

export interface FeatureFile {
  add(record: Buffer): Promise<void>;
  end(): Promise<void>;
}

/**
 * `idx` and the features' names, then a line a record; each value is the shortest decimal of its
 * float32.
 */
export function openCsvFeatures(out: TextFile, names: readonly string[]): FeatureFile {
  out.add(`idx,${names.join(',')}\n`);
  return {
    async add(record) {
      let line = String(record.readDoubleLE(0));
      for (let i = 0; i < names.length; i++)
        line += `,${float32Text(record.readFloatLE(8 + 4 * i))}`;
      out.add(`${line}\n`);
      await out.flushWhenLarge();
    },
    end: async () => undefined,
  };
}
