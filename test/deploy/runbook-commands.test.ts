/**
 * What the manual tells a person to type, typed beside a running engine. Lines for Kafka's own
 * tools: runbook-kafka.test.ts.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { METRICS } from '../../src/core/metric-table.ts';
import { startEngine, until } from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { linesIn, OperatorShell, type Typed } from '../support/operator-shell.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const alerts = linesIn('## Alerts');
const others = ['## Drills', '### Lost broker', '### Corrupt checkpoint', '### Poisoned record'];
const lines = [...new Set([...alerts, ...others.flatMap(linesIn)])];

/** What is not typed here, and why. */
const NOT_HERE: readonly (readonly [RegExp, why: string])[] = [
  [/^kubectl /, 'there is no cluster'],
  [/^kafka-|^openssl /, 'typed in runbook-kafka.test.ts'],
  [/^shrike drill failover/, 'has processes of its own: test/drills'],
  [/^nc |^dmesg /, 'not on every machine, and not for everybody'],
  [/amazonaws\.com/, 'is not reached from here'],
];

/** What the manual takes for an example. */
const EXAMPLES: Readonly<Record<string, string>> = { 'from=4711': 'from=0' };

/** Whoever looks for what is not there is told so by 1. */
const mayFindNothing = (line: string) => /^grep |(?:^|; )metric /.test(line);

/** A line may end so. `head` hangs up on who still writes: 141. */
function isRight({ line, code }: Typed): boolean {
  return code === 0 || code === 141 || (code === 1 && mayFindNothing(line));
}

test('every metric that a runbook looks for is one, or begins the name of some', () => {
  const asked = alerts
    .flatMap((line) => [...line.matchAll(/\bmetric '?(\w+)/g)])
    .map(([, name = '']) => `shrike_${name.replace(/_$/, '')}`);
  const names = Object.keys(METRICS);
  const known = (wanted: string) =>
    names.some((name) => name.startsWith(wanted) || wanted.startsWith(`${name}_`));
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((wanted) => !known(wanted))).toEqual([]);
});

test('what is not typed is still in the manual', () => {
  for (const [what, why] of NOT_HERE) {
    expect({ why, lines: lines.filter((line) => what.test(line)) }).not.toEqual({ why, lines: [] });
  }
});

test('every other line of a runbook works beside a running engine', async () => {
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
    // Two of each: a drill wants the last but one.
    return status === 200 && /"checkpoints":(?:[2-9]|1\d)/.test(body);
  });
  const folder = dirname(data);
  const shell = new OperatorShell({ folder });
  writeFileSync(join(folder, 'the-log'), engine.command.stderr);

  const typed = lines.filter((line) => !NOT_HERE.some(([what]) => what.test(line)));
  expect(typed.length).toBeGreaterThan(60);
  const wrong: Typed[] = [];
  for (const line of typed) {
    const known = Object.entries(EXAMPLES).filter(([from]) => line.includes(from));
    const one = await shell.type(line, Object.fromEntries(known));
    if (!isRight(one)) wrong.push(one);
  }
  expect(wrong).toEqual([]);
  const { said } = await shell.type('partitions; metric info');
  expect(said).toMatch(/^0\tlive\t[^]*shrike_info\{application="shrike"/);
});
