/**
 * Puts each program, of a process or of a thread, into one file with all that it imports:
 *
 *     src/programs/*.ts                      -> dist/programs/*.cjs
 *     test/bench/r1/processor-program.ts     -> dist/programs/processor.cjs, with --all
 *
 * src/program.ts loads them. Nothing is renamed, so that a stack names the functions of the source.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLED } from './bundled-packages.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const programs = {
  cli: 'src/programs/cli.ts',
  'actor-thread': 'src/programs/actor-thread.ts',
  'score-thread': 'src/programs/score-thread.ts',
  ...(process.argv.includes('--all') && { processor: 'test/bench/r1/processor-program.ts' }),
};

/** Files beside a module are found from where the compiler puts it, not from the bundle. */
const urls = {
  name: 'urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const place = JSON.stringify(relative('.', path).replace(/ts$/, 'js'));
      const source = await readFile(path, 'utf8');
      return { contents: source.replaceAll('import.meta.url', `urlInDist(${place})`), loader: 'ts' };
    });
  },
};
const PLACES = `const urlInDist = (path) =>
  require('node:url').pathToFileURL(require('node:path').join(__dirname, '..', path)).href;`;

async function bundle(name, entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    external: Object.keys(dependencies).filter((one) => !BUNDLED.includes(one)),
    plugins: [urls],
    platform: 'node',
    format: 'cjs',
    target: ['node20'],
    // One byte a character; and what is imported when it is wanted is in this file, too.
    charset: 'ascii',
    supported: { 'dynamic-import': false },
    // The modules that can be shaken; Node.js itself would take the others.
    mainFields: ['module', 'main'],
    legalComments: 'none',
    logLevel: 'warning',
  });
  const wrapped = `(function (exports, require, module, __filename, __dirname) { ${PLACES}
${outputFiles[0].text}})`;
  writeFileSync(`dist/programs/${name}.cjs`, wrapped);
}

rmSync('dist/programs', { recursive: true, force: true });
mkdirSync('dist/programs');
await Promise.all(Object.entries(programs).map(([name, entry]) => bundle(name, entry)));
