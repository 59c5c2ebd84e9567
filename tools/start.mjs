/**
 * `npm start`: installs what is missing, builds what has changed, runs Shrike on simulated
 * payments. Whatever follows `--` goes to `shrike run`, so `npm start -- --help` explains it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

function run(what, command, args) {
  process.stderr.write(`${what} …\n`);
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}\n${what} failed\n`);
  process.exit(status ?? 1);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Shrike needs Node.js 20.19 or newer; this is ${process.versions.node}\n`);
  process.exit(1);
}

const lock = 'node_modules/.package-lock.json';
const isInstalled = existsSync(lock) && statSync(lock).mtimeMs >= statSync('package-lock.json').mtimeMs;
if (!isInstalled) run('installing packages', 'npm', ['ci', '--loglevel=error']);
run('building', process.execPath, ['tools/build.mjs']);

process.argv.splice(1, 1, `${root}dist/src/cli.js`, 'run', '--source', 'simulate', '--history-days', '30');
await import('../dist/src/cli.js');
