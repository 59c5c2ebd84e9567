/**
 * Puts the files of the image (deploy/docker) together, from the built tree that it runs in:
 *
 *     node tools/assemble-image.mjs OUT
 *
 *     OUT/packages    what the program takes from npm, for this machine's processor
 *     OUT/program     the program, its model, its entry, and the list of what is in it (CycloneDX)
 *     OUT/data        the data folder
 *
 * Every file has the time SOURCE_DATE_EPOCH and a mode that does not depend on who built it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BUNDLED } from './bundled-packages.mjs';

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('usage: node tools/assemble-image.mjs OUT');
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? 0);

/** Inside of dist already, put there by the build: the last one in the page. */
const INSIDE = [...BUNDLED, 'uplot'];
/** Of dist: the programs, what starts them, and the files that they read. */
const RUN = [
  'programs',
  'src/cli.js',
  'src/actor-thread.js',
  'src/score-thread.js',
  'src/program.js',
  'src/heap-limits.js',
  'src/scoring/trees/forest.wasm',
  'operators/data',
  'ui',
];
/** Types, sources and texts: nobody loads them. */
const UNUSED_FILE = /\.(?:map|d\.[cm]?ts|ts|md|markdown|cc|cpp|c|h|hpp|gyp|gypi|tsbuildinfo)$/;
const LICENSE = /^(?:licen[cs]e|notice|copying)/i;
/** Parts of packages that are for another processor, or only for building. */
const UNUSED_PART = [
  /^node_modules\/onnxruntime-node\/(?:script|lib)$/,
  /^node_modules\/onnxruntime-node\/bin\/napi-v6\/(?!linux$)[^/]+$/,
  new RegExp(`^node_modules/onnxruntime-node/bin/napi-v6/linux/(?!${process.arch}$)[^/]+$`),
  /^node_modules\/rocksdb\/deps$/,
  new RegExp(`^node_modules/rocksdb/prebuilds/(?!linux-${process.arch}$)[^/]+$`),
  /\bmusl\.node$/,
];

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Where Node.js looks for a package from within another one: the nearest node_modules first. */
function* placesOf(name, from) {
  for (let at = from; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    yield `${at}/node_modules/${name}`;
  }
  yield `node_modules/${name}`;
}

const { packages } = json('package-lock.json');
const dependencies = Object.keys(packages[''].dependencies);

/** Folders of these packages and of what they need, from the lock file. */
function foldersOf(names) {
  const found = new Set();
  const add = (name, from) => {
    const path = [...placesOf(name, from)].find((one) => packages[one] !== undefined);
    // Optional ones for other systems are in the lock file, and not here.
    if (path === undefined || found.has(path) || !existsSync(path)) return;
    found.add(path);
    const { dependencies = {}, optionalDependencies = {} } = packages[path];
    for (const one of Object.keys({ ...dependencies, ...optionalDependencies })) add(one, path);
  };
  for (const name of names) add(name, '');
  return [...found];
}

function copyPackage(path, to) {
  cpSync(path, join(to, path), {
    recursive: true,
    filter: (from) => {
      // Packages within it are in the list themselves, if they are needed.
      if (from !== path && basename(from) === 'node_modules') return false;
      if (UNUSED_PART.some((part) => part.test(from))) return false;
      return LICENSE.test(basename(from)) || !UNUSED_FILE.test(from);
    },
  });
}

function copyProgram(to) {
  for (const path of RUN) cpSync(`dist/${path}`, join(to, 'dist', path), { recursive: true });
  cpSync('models/default', join(to, 'models/default'), { recursive: true });
  for (const file of ['package.json', 'LICENSE']) cpSync(file, join(to, file));
  for (const file of ['early-signal.cjs', 'healthcheck.cjs', 'shrike.json']) {
    cpSync(`deploy/docker/${file}`, join(to, file));
  }
}

const nameOf = (path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** What is in the image beside Debian's packages, which their own list in /var/lib/dpkg names. */
function billOfMaterials() {
  const args = ['sbom', '--sbom-format=cyclonedx'];
  const bill = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
  // Not `--omit=dev`: it leaves out what both the program and a tool need.
  const isIn = new Set(foldersOf(dependencies).map((path) => `${nameOf(path)}@${packages[path].version}`));
  bill.components = bill.components.filter((one) => isIn.has(one['bom-ref'].split('|')[0]));
  const refs = new Set([bill.metadata.component, ...bill.components].map((one) => one['bom-ref']));
  bill.dependencies = bill.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }));
  bill.components.push({
    'bom-ref': `node@${process.versions.node}`,
    type: 'platform',
    name: 'node',
    version: process.versions.node,
    purl: `pkg:generic/node@${process.versions.node}`,
  });
  // npm takes the folder's name for it.
  bill.metadata.component.name = 'shrike';
  // npm puts a random number and the time here.
  bill.metadata.timestamp = new Date(epoch * 1000).toISOString();
  delete bill.serialNumber;
  const digest = createHash('sha256').update(JSON.stringify(bill)).digest('hex');
  const [a, b, c, d, e] = /^(.{8})(.{4})(.{3})(.{3})(.{12})/.exec(digest).slice(1);
  bill.serialNumber = `urn:uuid:${a}-${b}-4${c}-8${d}-${e}`;
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** From the leaves up: what is done in a folder changes its time. */
function settle(path) {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) settle(join(path, name));
  const isExecutable = stat.isDirectory() || (stat.mode & 0o100) !== 0;
  if (!stat.isSymbolicLink()) chmodSync(path, isExecutable ? 0o755 : 0o644);
  lutimesSync(path, epoch, epoch);
}

rmSync(out, { recursive: true, force: true });
const loaded = dependencies.filter((name) => !INSIDE.includes(name));
for (const path of foldersOf(loaded)) copyPackage(path, join(out, 'packages/app'));
copyProgram(join(out, 'program/app'));
writeFileSync(join(out, 'program/app/sbom.cdx.json'), billOfMaterials());
const entry = join(out, 'program/usr/local/bin/shrike');
mkdirSync(dirname(entry), { recursive: true });
cpSync('deploy/docker/entry.sh', entry);
chmodSync(entry, 0o755);
mkdirSync(join(out, 'data/var/lib/shrike'), { recursive: true });
settle(out);
