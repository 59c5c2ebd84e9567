/** Model bundles in temporary folders. */
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface BundleParts {
  readonly model: Uint8Array | string;
  readonly bundle?: Readonly<Record<string, unknown>>;
}

/** A bundle of features a, b, c, right but for what `bundle` says. @returns its folder */
export function writeBundle({ model, bundle = {} }: BundleParts): string {
  const folder = mkdtempSync(join(tmpdir(), 'shrike-bundle-'));
  const content = {
    format: 1,
    id: `sha256:${createHash('sha256').update(model).digest('hex')}`,
    name: 'tiny',
    featureSet: 'abc-1',
    input: 'features',
    output: 'probabilities',
    scoreColumn: 1,
    threshold: 0.5,
    features: ['a', 'b', 'c'],
    ...bundle,
  };
  writeFileSync(join(folder, 'model.onnx'), model);
  writeFileSync(join(folder, 'bundle.json'), JSON.stringify(content));
  return folder;
}
