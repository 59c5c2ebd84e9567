/** What of the chart is made by a tool is what the tool makes. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('values schema, defaults, rules and dashboards in the chart are up to date', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['tools/write-chart.mjs', '--check'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  // What differs is named, and so is the command that mends it.
  expect(stdout).toBe('');
});
