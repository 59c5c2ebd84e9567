/** docs/costs.md is what the script makes of deploy/costs.json. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/loader.ts';
import { LIMITS } from '../../src/core/limits.ts';

const page = readFileSync('docs/costs.md', 'utf8');

interface Inputs {
  readonly measured: Readonly<Record<string, number>>;
  readonly protocol: Readonly<Record<string, number>>;
  readonly defaultCheckpoints: Readonly<Record<string, number>>;
  readonly assumed: Readonly<Record<string, number>>;
}
const inputs = JSON.parse(readFileSync('deploy/costs.json', 'utf8')) as Inputs;

test('the page of costs is what the script prints: node tools/costs.mjs --write', () => {
  const printed = execFileSync(process.execPath, ['tools/costs.mjs'], { encoding: 'utf8' });
  expect(printed).toBe(page);
});

test('each sum is that of its lines, to the dollar for rounding', () => {
  const sections = page.split('\n## ').slice(2);
  expect(sections.length).toBe(3);
  for (const section of sections) {
    const lines = [...section.matchAll(/^\| ([^|*]+) \| ([\d,]+) \| /gm)];
    const number = (text: string) => Number(text.replaceAll(',', ''));
    const added = lines.reduce((total, [, , cost = '']) => total + number(cost), 0);
    const sum = number(/\*\*sum\*\* \| \*\*([\d,]+)\*\*/.exec(section)?.[1] ?? '');
    expect(Math.abs(added - sum)).toBeLessThan(lines.length);
  }
});

test('measured inputs stand in the results, and the limits in the code', () => {
  const results = readFileSync('test/bench/RESULTS.md', 'utf8');
  expect(results).toContain('`drain.py` over 4,974,072 payments');
  expect(results).toContain('| every score: Shrike | 269,834 | 6.01 / 5.62 | 4.0 |');
  expect(results).toContain('| every score: Shrike | 288,857 | 5.80 / 5.43 | 3.1 |');
  expect(results).toContain('| every score: Shrike | 288,865 | 5.86 / 5.48 | 2.8 |');
  expect(results).toContain('| every score: Shrike | 303,059 | 5.65 / 5.27 | 2.5 |');
  expect(results).toContain('median 13.1 CPU s in 42 s');
  expect(results).toContain('| 3,000 users | 3.80 / 8.42 | 5.86 / 8.25 |');
  expect(results).toContain('| 1,000,000 users | 10.74 / 19.9 | 12.26 / 20.1 |');
  expect(inputs.measured).toMatchObject({
    engineCpuSecondsPerMillion: 5.83,
    cpuOfMillionUsers: 11.5,
    cpuOf3000Users: 4.8,
    brokerCpuSecondsOfDrain: 3,
    paymentsOfDrain: 4_974_072,
    brokerCpuSecondsOfLiveRun: 13.1,
  });
  const measured = (name: string) => inputs.measured[name] ?? Number.NaN;
  const byUsers = measured('cpuOfMillionUsers') / measured('cpuOf3000Users');
  const brokerCores = measured('brokerCpuSecondsOfLiveRun') / measured('secondsOfLiveRun');
  const sizing = readFileSync('docs/operations.md', 'utf8');
  const engineSeconds = Math.round(measured('engineCpuSecondsPerMillion'));
  expect(sizing).toContain(`- *Processor.* ${engineSeconds} CPU-seconds a million payments`);
  expect(sizing).toContain(`${byUsers.toFixed(1)} times that with`);
  expect(sizing).toContain(`some ${brokerCores.toFixed(1)} of a core`);
  expect(readFileSync('state/README.md', 'utf8')).toContain('1,550 bytes encoded');
  expect(inputs.measured.actorBytes).toBe(1550);
  expect(inputs.protocol.incrementSegmentBytes).toBe(LIMITS.segmentBytesMax);
  const { config } = loadConfig({ env: {}, flags: {} });
  expect(inputs.defaultCheckpoints).toEqual({
    intervalSeconds: config.checkpoints.intervalMs / 1000,
    compactAfterSegments: config.checkpoints.compactAfterSegments,
  });
});

test('hours of topics are those of the topics', () => {
  const topics = readFileSync('deploy/strimzi/base/topics.yaml', 'utf8');
  const hoursOf = (name: string) =>
    Number(
      new RegExp(`name: ${name}\\n[\\s\\S]*?\\n {4}retention\\.ms: (\\d+)`).exec(topics)?.[1],
    ) / 3_600_000;
  expect([hoursOf('transactions'), hoursOf('scored')]).toEqual([168, 72]);
  const { paymentHours, scoreHours } = inputs.assumed;
  expect([paymentHours, scoreHours]).toEqual([168, 72]);
});

test('days of deleted objects are those of the bucket', () => {
  const variables = readFileSync('deploy/terraform/variables.tf', 'utf8');
  const days = /variable "noncurrent_days" \{[^}]*default\s+= (\d+)/.exec(variables)?.[1];
  expect(Number(days)).toBe(inputs.assumed.noncurrentDays);
});
