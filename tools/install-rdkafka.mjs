/**
 * Compiles node-rdkafka for the tests, once for each version of it and of Node.js, into a cache
 * outside of the tree; prints the folder. The tests compare with it, the product does not use it.
 *
 *     node tools/install-rdkafka.mjs           does nothing when it is there
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../test/rdkafka/', import.meta.url));
/** What topics of the tests are compressed with, and a listener with TLS. */
const FEATURES = ['gzip', 'snappy', 'lz4', 'zstd', 'ssl', 'sasl_scram'];
/** It takes 70 MB of the 540 that it needs to be compiled. */
const LEFTOVERS = ['deps', 'src', 'e2e', 'test', 'build/Release/obj.target', 'build/deps/share'];

const manifest = JSON.parse(readFileSync(join(SOURCE, 'package.json'), 'utf8'));
const version = manifest.dependencies['node-rdkafka'];
const caches = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'shrike');
const machine = `${process.platform}-${process.arch}-abi${process.versions.modules}`;
const folder = join(caches, `rdkafka-${version}-${machine}`);

function fail(message) {
  process.stderr.write(`install-rdkafka: ${message}\n`);
  process.exit(1);
}

function hasCommand(name) {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Node.js's own headers, where they come with it: else node-gyp has to fetch them. */
function headers() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
}

function compile(part) {
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
    copyFileSync(join(SOURCE, file), join(part, file));
  }
  const { status, stdout, stderr } = spawnSync('npm', ['ci', '--foreground-scripts'], {
    cwd: part,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    // `npm test` hands its own settings down, among them that no install script may run. Its
    // makefile has an order that more than one job breaks.
    env: { ...process.env, ...headers(), npm_config_ignore_scripts: 'false', JOBS: '1' },
  });
  if (status === 0) return;
  rmSync(part, { recursive: true, force: true });
  const end = `${stdout}${stderr}`.split('\n').slice(-40).join('\n');
  fail(`${end}\nnode-rdkafka ${version} could not be compiled; the end of what was said is above`);
}

function check(part) {
  const script = "process.stdout.write(require('node-rdkafka').features.join(' '))";
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    cwd: part,
    encoding: 'utf8',
  });
  if (status !== 0) fail(`node-rdkafka ${version} was compiled but cannot be loaded: ${stderr}`);
  const missing = FEATURES.filter((feature) => !stdout.split(' ').includes(feature));
  if (missing.length > 0) {
    fail(
      `node-rdkafka ${version} was compiled without ${missing.join(', ')}: install the headers ` +
        'first (on Debian: apt-get install zlib1g-dev libzstd-dev libssl-dev)',
    );
  }
}

if (!existsSync(folder)) {
  const missing = ['c++', 'make', 'python3'].filter((name) => !hasCommand(name));
  if (missing.length > 0) {
    fail(
      `${missing.join(', ')} not found. The tests compare with node-rdkafka, which has to be ` +
        'compiled (on Debian: apt-get install g++ make python3 zlib1g-dev libzstd-dev libssl-dev)',
    );
  }
  process.stderr.write(`compiling node-rdkafka ${version} into ${folder} (two minutes)\n`);
  const part = `${folder}.part-${process.pid}`;
  compile(part);
  check(part);
  for (const name of LEFTOVERS) {
    rmSync(join(part, 'node_modules/node-rdkafka', name), { recursive: true, force: true });
  }
  // The static libraries were for linking.
  for (const name of ['librdkafka.a', 'librdkafka-static.a', 'librdkafka++.a']) {
    rmSync(join(part, 'node_modules/node-rdkafka/build/deps', name), { force: true });
  }
  check(part);
  // Somebody else may have been quicker.
  if (existsSync(folder)) rmSync(part, { recursive: true });
  else renameSync(part, folder);
}
process.stdout.write(`${folder}\n`);
