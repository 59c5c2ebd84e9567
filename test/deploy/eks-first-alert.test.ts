/**
 * What docs/eks.md shows of the first payments, which it calls "ran, as a process": made again from
 * the same simulated payments, on the embedded log. Needs the compiled dist.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { blocksOf } from '../support/command-blocks.ts';
import { shrike } from '../support/command-line.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const LIMIT_MS = 60_000;
const blocks = blocksOf(readFileSync('docs/eks.md', 'utf8'));

/** What stands below the command that has this in it. */
function shownAfter(command: string): string {
  const at = blocks.findIndex(({ text }) => text.includes(command));
  return blocks[at + 1]?.text ?? '';
}

const values = parse(readFileSync('deploy/helm/values/production.yaml', 'utf8')) as {
  readonly config: { readonly input: { readonly partitions: number } };
};
const alert = shownAfter('shrike alerts --config');
const idx = Number(alert.match(/payment (\d+)/)?.[1]);

/** Its first two lines, as the page has them before an ellipsis, and its last. */
function shortened(text: string): readonly [begins: string, ends: string] {
  const lines = text.trimEnd().split('\n');
  return [`${lines.slice(0, 2).join('\n')}\n…\n`, lines.at(-1) ?? ''];
}

const withoutAge = (text: string) => text.replaceAll(/\d+ s/g, '? s');

test('the first alert, the lag and the checkpoints are as the page has them', {
  timeout: LIMIT_MS,
}, async () => {
  const { partitions } = values.config.input;
  const data = join(await scratchFolder(), 'data');
  const said = async (...command: readonly string[]): Promise<string> => {
    const more = ['--data', data, '--set', `input.partitions=${partitions}`];
    const { code, stdout, stderr } = await shrike(...command, ...more);
    expect({ command, code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };
  await said('simulate', '--rate', 'max', '--payments', String(idx + 1));
  await said('run', '--until-end', '--no-listen');

  expect(await said('alerts', '--count', '200')).toContain(alert.trimEnd());
  const [begins, ends] = shortened(await said('lag'));
  expect(`${begins}${ends}\n`).toBe(shownAfter('shrike lag --config'));
  const [checkpoints] = shortened(await said('checkpoint', 'list'));
  expect(withoutAge(checkpoints)).toBe(withoutAge(shownAfter('shrike checkpoint list --config')));
});
