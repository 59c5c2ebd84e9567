/** Programs of the build, and the code of V8 beside them (src/program.ts). */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtUrl } from '../support/built.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

interface Loaded {
  readonly isRefused: boolean;
  /** The type of what the program exports as `main`. */
  readonly main: string;
}

/** Loads it as its entry does, in a process of its own: flags of V8 are a process's. */
function load(program: string, how: { readonly options?: string[]; readonly code?: string } = {}) {
  const { options = [], code = `dist/programs/${program}.cjs.code` } = how;
  const text = `
    import { freeHeapsOfThreads } from '${builtUrl('src/heap-limits.js').href}';
    import { compileProgram, evaluateProgram } from '${builtUrl('src/program.js').href}';
    freeHeapsOfThreads();
    const script = compileProgram('${program}', ${JSON.stringify(code)});
    const main = typeof evaluateProgram('${program}', script).main;
    console.log(JSON.stringify({ isRefused: script.cachedDataRejected, main }));
    process.exit();`;
  const args = [...options, '--input-type=module', '--eval', text];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Loaded;
}

const PROGRAMS = ['cli', 'actor-thread', 'score-thread', 'processor'];
const taken: Loaded = { isRefused: false, main: 'function' };

test.each(PROGRAMS)('V8 takes the code of %s', (program) => {
  expect(load(program)).toEqual(taken);
});

test('V8 takes the code where Node.js was given sizes of heaps, as the image does', () => {
  const options = ['--max-old-space-size=300', '--max-semi-space-size=8'];
  expect(load('cli', { options })).toEqual(taken);
  expect(load('actor-thread', { options })).toEqual(taken);
});

test('a program runs without its code, and with one that V8 refuses', async () => {
  const folder = await scratchFolder();
  const half = join(folder, 'half');
  const code = readFileSync('dist/programs/cli.cjs.code');
  writeFileSync(half, code.subarray(0, code.length / 2));
  expect(load('cli', { code: half })).toEqual({ isRefused: true, main: 'function' });
  const other = 'dist/programs/actor-thread.cjs.code';
  expect(load('cli', { code: other })).toEqual({ isRefused: true, main: 'function' });
  expect(load('cli', { code: join(folder, 'none') })).toEqual({ main: 'function' });
});
