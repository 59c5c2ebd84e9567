/** What the runbooks of alerts tell a person to type, typed beside a running engine. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { METRICS } from '../../src/core/metric-table.ts';
import { builtUrl } from '../support/built.ts';
import { startEngine, until } from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const CLI = fileURLToPath(builtUrl('src/cli.js'));

const manual = readFileSync('docs/operations.md', 'utf8');
const alerts = manual.slice(manual.indexOf('\n## Alerts'), manual.indexOf('\n## Checkpoints'));

/** Each once, without what the manual says about it. */
const commands = [
  ...new Set(
    [...alerts.matchAll(/```sh\n([^]*?)```/g)]
      .flatMap(([, block = '']) => block.split('\n'))
      .map((line) => line.replace(/\s+# .*$/, '').trim()),
  ),
];
const metricsAsked = commands
  .flatMap((command) => [...command.matchAll(/\bmetric '?(\w+)/g)])
  .map(([, name = '']) => `shrike_${name.replace(/_$/, '')}`);

test('every metric that a runbook looks for is one, or begins the name of some', () => {
  const names = Object.keys(METRICS);
  const known = (wanted: string) =>
    names.some((name) => name.startsWith(wanted) || wanted.startsWith(`${name}_`));
  expect(metricsAsked.length).toBeGreaterThan(20);
  expect(metricsAsked.filter((wanted) => !known(wanted))).toEqual([]);
});

interface Typed {
  readonly command: string;
  readonly code: number;
  readonly said: string;
}

function type(command: string, where: { address: string; folder: string }): Promise<Typed> {
  const shrike = `shrike() { "${process.execPath}" "${CLI}" "$@"; }`;
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-o', 'pipefail', '-c', `${shrike}\n${command}`],
      { cwd: where.folder, env: { ...process.env, ADDRESS: where.address } },
      (error, stdout, stderr) =>
        resolve({ command, code: error === null ? 0 : Number(error.code), said: stdout + stderr }),
    );
  });
}

test('every command of Shrike that a runbook names works beside a running engine', async () => {
  const data = join(await scratchFolder(), '.data');
  const load = ['--source', 'simulate', '--population', '100', '--rate', '200'];
  // Many are kept: a command that reads offsets first must still find one that is not newer.
  const pace = ['--set', 'checkpoints.intervalMs=1000', '--set', 'checkpoints.keepCount=200'];
  const engine = await startEngine(data, ...load, ...pace);
  onTestFinished(async () => {
    await engine.command.interrupt();
  });
  await until(async () => {
    const { status, body } = await callUrl(`${engine.address}/api/status`);
    return status === 200 && /"checkpoints":[1-9]/.test(body);
  });
  const where = { address: engine.address, folder: dirname(data) };
  const typed = commands.filter(
    (command) => /^(shrike|curl -s \$ADDRESS)\b/.test(command) && !command.includes('jq'),
  );
  expect(typed.length).toBeGreaterThan(12);
  const wrong: Typed[] = [];
  for (const command of typed) {
    const one = await type(command, where);
    // `head` hangs up on who still writes: 141.
    if (one.code !== 0 && one.code !== 141) wrong.push(one);
  }
  expect(wrong).toEqual([]);
});
