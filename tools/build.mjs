/**
 * Builds everything into dist/: the compiler for the code, esbuild for the programs and
 * the page, wabt for WebAssembly, a copy for data files.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

function run(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

// With --all the tests too: some of them run compiled.
const all = process.argv.filter((argument) => argument === '--all');
run('node_modules/typescript/bin/tsc', ['-b', all.length > 0 ? '.' : 'src']);
cpSync('operators/data', 'dist/operators/data', { recursive: true });
run('tools/build-wasm.mjs', []);
run('tools/bundle-programs.mjs', all);
run('--random-seed=1', ['tools/compile-programs.mjs']);
run('tools/build-ui.mjs', []);
chmodSync('dist/src/cli.js', 0o755);
