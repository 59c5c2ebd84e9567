import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/loader.ts';
import { configReference, describeConfig } from '../../src/config/reference.ts';
import { ConfigSchema } from '../../src/core/config.ts';

const PAGE = new URL('../../docs/configuration.md', import.meta.url).pathname;

test('docs/configuration.md ends with the table of the schema', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const upToTable = page.slice(0, page.indexOf('-->\n') + 4);
  await expect(`${upToTable}\n${configReference()}`).toMatchFileSnapshot(PAGE);
});

test('the reference has one row a key: default, what is allowed, variable, meaning', () => {
  const rows = configReference().split('\n');
  const row = (key: string) => rows.find((line) => line.startsWith(`| \`${key}\` |`));
  expect(row('checkpoints.keepCount')).toBe(
    '| `checkpoints.keepCount` | `3` | a whole number from 1 to 1000 | ' +
      '`SHRIKE_CHECKPOINTS_KEEP_COUNT` | ' +
      'Checkpoints kept of each partition, savepoints not counted. |',
  );
  expect(row('log.sync')).toMatch(/^\| `log.sync` \| `commit` \| commit, interval \| `SHRIKE_LOG/);
  expect(row('model')).toMatch(/^\| `model` \| empty \| a text \| `SHRIKE_MODEL` \| /);
  expect(row('outputs.scored')).toMatch(/ \| `true` \| true, false \| /);
  expect(rows.filter((line) => line.startsWith('| `')).length).toBe(leafCount(ConfigSchema));
});

test('what is in force is described key by key, with its source', () => {
  const { config, sources } = loadConfig({ env: { SHRIKE_WORKERS: '3' }, flags: {} });
  const rows = describeConfig(config, sources);
  expect(rows.find(({ key }) => key === 'workers')).toEqual({
    key: 'workers',
    value: 3,
    source: 'environment SHRIKE_WORKERS',
    description: 'Actor threads. 0: cores - 1, at least 1; on Kafka 2 of two cores.',
  });
  expect(rows.find(({ key }) => key === 'api.host')).toMatchObject({
    value: '127.0.0.1',
    source: 'default',
  });
  expect(rows.length).toBe(leafCount(ConfigSchema));
});

function leafCount(schema: object): number {
  if (!('properties' in schema)) return 1;
  const below = Object.values(schema.properties as Record<string, object>);
  return below.reduce((sum, one) => sum + leafCount(one), 0);
}
