/** What the command line promises before a command runs. */
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { OTHER_VARIABLES } from '../../src/cli/other-variables.ts';
import { KEY_BY_VARIABLE } from '../../src/config/keys.ts';
import { sourceFiles } from '../support/source-files.ts';

const files = sourceFiles().filter(({ path }) => /\.(ts|mjs|sh)$|^\.ci\/run$/.test(path));

test('a SHRIKE_ variable that some code reads is a setting, or is let pass', () => {
  const reads = /\benv(?:\.|\[')(SHRIKE_\w+)|\$\{?(SHRIKE_\w+)/g;
  const names: readonly string[] = files
    .filter(({ path }) => !path.endsWith('command-line.test.ts'))
    .flatMap(({ text }) =>
      Array.from(text.matchAll(reads), ([, dotted, shell]) => dotted ?? shell ?? ''),
    )
    .filter((name) => !KEY_BY_VARIABLE.has(name));
  expect([...new Set(names)].toSorted()).toEqual(OTHER_VARIABLES.toSorted());
});

/** Values of a file's static imports; types and dynamic imports load nothing. */
function loadsOf({ path, text }: { readonly path: string; readonly text: string }): string[] {
  const values = /^(?:import|export) (?!type\b)[^;]*?from '([^']+)';|^import '([^']+)';/gm;
  return Array.from(text.matchAll(values), ([, from, alone]) => from ?? alone ?? '').map((name) =>
    name.startsWith('.') ? posix.join(posix.dirname(path), name) : name,
  );
}

test('`shrike --help` runs options and texts, and no library but the one that reads them', () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const loaded = new Set<string>();
  const load = (name: string) => {
    if (loaded.has(name)) return;
    loaded.add(name);
    const file = byPath.get(name);
    if (file !== undefined) for (const one of loadsOf(file)) load(one);
  };
  load('src/programs/cli.ts');
  const isCommand = (name: string) => name.startsWith('src/cli/commands/');
  expect([...loaded].filter(isCommand)).toHaveLength(17);
  expect([...loaded].filter((name) => !isCommand(name)).toSorted()).toEqual([
    'commander',
    'src/cli/options.ts',
    'src/cli/simulate-options.ts',
    'src/core/api-errors.ts',
    'src/core/error-kind.ts',
    'src/core/errors.ts',
    'src/core/file-errors.ts',
    'src/programs/cli.ts',
    'src/version.ts',
  ]);
});
