/**
 * `npm test`: installs what is missing, builds, and runs every check and every test.
 *
 *     node tools/test.mjs           everything; the last line counts it
 *     node tools/test.mjs unit      one tier or more, of:
 *         unit property conformance sim golden integration browser drills deploy cluster
 *
 * What the tier `cluster` needs takes many minutes to build the first time. It is built while all
 * others run; when it is not there in time, the tier is counted as skipped, with a line `not run`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLateBuild } from './late-build.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const tiers = process.argv.slice(2);
const counts = { passed: 0, skipped: 0 };
/** Told again at the end, where whoever sees only the last lines finds it. */
const failures = [];
/** Of a failure's message; a program's own words are often at its end. */
const [FIRST_LINES, LAST_LINES] = [8, 16];
/** After that the tier `cluster` takes three more: the whole has to be over within 50. */
const BUILD_MINUTES_MAX = 42;

function run(command, args, options = {}) {
  return spawnSync(command, args, { stdio: 'inherit', ...options }).status === 0;
}

/** What needs a program that nothing here installs; how to ask whether it is there. */
const ASKED = {
  'test/deploy/eks-doc.test.ts': ['terraform', 'version'],
  'test/deploy/image.test.ts': ['bash', 'tools/install-image-tools.sh', '--can'],
  'test/deploy/strimzi-registry.test.ts': ['bash', 'tools/install-registry.sh', '--can'],
  'test/deploy/terraform.test.ts': [process.execPath, 'tools/terraform-mirror.mjs'],
};
const missing = Object.entries(ASKED).flatMap(([file, [program, ...args]]) => {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return status === 0 ? [] : [{ file, why: stderr?.trim() || `there is no ${program}` }];
});

/** A step without which nothing else makes sense. */
function require(what, command, args) {
  process.stdout.write(`\n== ${what}\n`);
  if (run(command, args)) return;
  process.stdout.write(`${what} failed\n0 passed, 1 failed, 0 skipped\n`);
  process.exit(1);
}

function check(what, command, args) {
  process.stdout.write(`\n== ${what}\n`);
  const isRight = run(command, args);
  if (isRight) {
    counts.passed += 1;
    return;
  }
  failures.push(what);
  process.stdout.write(`FAILED: ${what}\n`);
}

/** Of tests, and of files that do not load. @param result a report of vitest's reporter `json` */
function failuresOf(result) {
  return result.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((one) => one.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [`${name}\n${shortened(message)}`] : [];
    return failed.map(
      (one) => `${name}: ${one.fullName}\n${shortened(one.failureMessages.join('\n'))}`,
    );
  });
}

function shortened(message) {
  const lines = message.trim().split('\n');
  if (lines.length <= FIRST_LINES + LAST_LINES) return lines.join('\n');
  return [...lines.slice(0, FIRST_LINES), '…', ...lines.slice(-LAST_LINES)].join('\n');
}

function bin(name) {
  return join('node_modules', '.bin', name);
}

function tests(what, args) {
  process.stdout.write(`\n== ${what}\n`);
  const folder = mkdtempSync(join(tmpdir(), 'shrike-test-'));
  const report = join(folder, 'report.json');
  const isRight = run(bin('vitest'), [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...missing.flatMap(({ file }) => ['--exclude', file]),
    ...args,
  ]);
  const result = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined;
  rmSync(folder, { recursive: true });
  counts.passed += result?.numPassedTests ?? 0;
  counts.skipped += (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0);
  const told = result === undefined ? [] : failuresOf(result);
  // A run without tests has not passed.
  const hasRun = result !== undefined && result.numTotalTests > 0;
  if (told.length === 0 && !(isRight && hasRun)) told.push(what);
  failures.push(...told);
}

/** What could not be looked at has not passed. */
function notRun(what, why) {
  process.stdout.write(`\nnot run: ${what}: ${why}\n`);
  counts.skipped += 1;
}

async function clusterTests() {
  if (!run('kubectl', ['version', '--client'], { stdio: 'ignore' })) {
    return notRun('test/cluster', 'there is no kubectl on this machine');
  }
  const { kind, said } = await building.outcome(BUILD_MINUTES_MAX * 60_000);
  if (kind === 'ready') {
    return tests(`tests ${late.join(' ')}`, late.map(folderOf));
  }
  if (kind === 'late') {
    const why = `kube-apiserver was not built within ${BUILD_MINUTES_MAX} minutes`;
    return notRun('test/cluster', `${why}; tools/install-kubernetes.sh goes on from there`);
  }
  process.stdout.write(`\nFAILED: tools/install-kubernetes.sh\n${said}\n`);
  failures.push(`tools/install-kubernetes.sh\n${shortened(said)}`);
}

const folderOf = (tier) => `test/${tier}`;
const isCluster = (tier) => /^cluster\b/.test(tier);
const late = tiers.length === 0 ? ['cluster'] : tiers.filter(isCluster);
const building =
  late.length > 0 ? startLateBuild('tools/install-kubernetes.sh', BUILD_MINUTES_MAX) : undefined;

const lock = 'node_modules/.package-lock.json';
if (!existsSync(lock) || statSync(lock).mtimeMs < statSync('package-lock.json').mtimeMs) {
  require('install packages', 'npm', ['ci', '--loglevel=error']);
}
require('build', process.execPath, ['tools/build.mjs', '--all']);

// Tiers with real servers, or a browser.
const isReal = /^(?:conformance|integration|browser|drills|deploy|cluster)/;
if (tiers.length === 0 || tiers.some((tier) => isReal.test(tier))) {
  require('install test prerequisites', 'bash', ['tools/install-test-prerequisites.sh']);
}
if (tiers.length === 0) {
  check('format', bin('biome'), ['ci', '--error-on-warnings', '.']);
  check('lint', bin('oxlint'), ['--type-aware', '--deny-warnings']);
  check('dead code', bin('knip'), ['--no-progress']);
}
const others = tiers.filter((tier) => !isCluster(tier));
if (tiers.length === 0) tests('tests', ['test/', '--exclude', 'test/cluster/**']);
else if (others.length > 0) {
  tests(`tests ${others.join(' ')}`, others.map(folderOf));
}
if (tiers.length === 0 || others.some((tier) => tier.startsWith('deploy'))) {
  for (const { file, why } of missing) notRun(file, why);
}
if (building !== undefined) await clusterTests();

for (const failure of failures) process.stdout.write(`\nFAILED: ${failure}\n`);
process.stdout.write(
  `\n${counts.passed} passed, ${failures.length} failed, ${counts.skipped} skipped\n`,
);
process.exit(failures.length === 0 ? 0 : 1);
