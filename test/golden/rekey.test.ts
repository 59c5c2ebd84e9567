import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.ts';
import { claimDataFolder } from '../../src/data-folder.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { appendCardKeyed } from '../support/card-keyed.ts';
import { shrike } from '../support/command-line.ts';
import { readGoldenRows } from '../support/golden-rows.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

async function fill(data: string): Promise<void> {
  const folder = claimDataFolder(data);
  const log = await openEmbeddedLog(folder.log, { sync: 'commit', syncIntervalMs: 1, clock });
  await appendCardKeyed(log);
  await log.close();
  folder.release();
}

test('an input keyed by card gives the golden scores, as if it were keyed by user', async () => {
  const folder = await scratchFolder();
  const data = join(folder, 'data');
  await fill(data);
  const common = [`--data=${data}`, '--set=input.keyedByUser=false'];
  const args = ['run', '--no-listen', '--json', '--until-end', `--out=${join(folder, 'out')}`];
  const { code, stderr } = await shrike(...args, ...common);
  expect(code, stderr).toBe(0);

  const scored = readFileSync(join(folder, 'out/scored.jsonl'), 'utf8').trim().split('\n');
  const scores = scored.map((line) => JSON.parse(line) as { idx: number; score: number });
  expect(scores.map(({ idx }) => idx)).toEqual(Array.from({ length: 2026 }, (_, idx) => idx));
  expect(Float32Array.from(scores, ({ score }) => score)).toEqual(readGoldenRows().scores);

  const dead = await shrike('dlq', 'list', '--json', ...common);
  const letters = dead.stdout.trim().split('\n');
  expect(letters.map((line) => JSON.parse(line) as object)).toMatchObject([
    { topic: 'transactions', partition: 4, code: 'RECORD_FIELD_INVALID' },
    { topic: 'transactions', partition: 4, code: 'RECORD_NOT_JSON' },
  ]);
});
