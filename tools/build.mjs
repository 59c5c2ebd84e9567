/**
 * Builds everything into dist/: the compiler for the code, esbuild for the page and the S3
 * client, wabt for WebAssembly, a copy for data files.
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
run('node_modules/typescript/bin/tsc', ['-b', process.argv.includes('--all') ? '.' : 'src']);
cpSync('operators/data', 'dist/operators/data', { recursive: true });
run('tools/build-wasm.mjs', []);
run('tools/bundle-libraries.mjs', []);
run('tools/build-ui.mjs', []);
chmodSync('dist/src/cli.js', 0o755);
