import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Command, GOLDEN_CSV } from '../support/command-line.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

test('an engine that runs leaves nothing in the home of its user: no device id, no events to send', async () => {
  const home = await scratchFolder();
  const data = await scratchFolder();
  const run = new Command(
    [
      'run',
      '--source',
      'csv',
      ...GOLDEN_CSV,
      '--until-end',
      '--no-listen',
      '--json',
      '--data',
      data,
    ],
    {
      ...{ HOME: home, XDG_CACHE_HOME: join(home, '.cache'), ORT_DISABLE_TELEMETRY: '' },
      SHRIKE_SCORING_RUNTIME: 'onnxruntime',
    },
  );
  const { code, stderr } = await run.ended;
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(readdirSync(home)).toEqual([]);
});
