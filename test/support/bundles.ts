/** Model bundles in temporary folders, removed after the last test of the file. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export interface BundleParts {
  readonly model: Uint8Array | string;
  readonly bundle?: Readonly<Record<string, unknown>>;
}

/** A bundle of features a, b, c, right but for what `bundle` says. @returns its folder */
export function writeBundle({ model, bundle = {} }: BundleParts): string {
  const folder = mkdtempSync(join(tmpdir(), 'shrike-bundle-'));
  folders.push(folder);
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
