import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { heapLimits } from '../../src/heap-limits.ts';

const MIB = 2 ** 20;

/** Runs a program with these options of Node.js. @returns what it printed, as JSON */
function node(options: readonly string[], program: string): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, [...options, '-e', program], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const PROGRAM = `
const { getHeapStatistics, setFlagsFromString } = require('node:v8');
const { Worker } = require('node:worker_threads');
const mib = () => Math.round(getHeapStatistics().heap_size_limit / 2 ** 20);
const inThread = (resourceLimits) => new Promise((done) => {
  const program = 'const s = require("node:v8").getHeapStatistics();' +
    'require("node:worker_threads").parentPort.postMessage(Math.round(s.heap_size_limit / 2 ** 20))';
  new Worker(program, { eval: true, resourceLimits }).once('message', done);
});
const limits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 48 };
`;

test('a heap limit on the command line is that of every thread until it is put back', () => {
  const program = `${PROGRAM}
    (async () => {
      const before = await inThread(limits);
      setFlagsFromString('--max-old-space-size=0');
      setFlagsFromString('--max-semi-space-size=0');
      console.log(JSON.stringify({ before, after: await inThread(limits), main: mib() }));
    })();`;
  expect(node(['--max-old-space-size=200', '--max-semi-space-size=8'], program)).toEqual({
    before: 224,
    after: 112,
    main: 224,
  });
});

test('the main heap cannot be bound once the process runs', () => {
  const program = `${PROGRAM}
    const before = mib();
    setFlagsFromString('--max-old-space-size=100');
    console.log(JSON.stringify(before === mib() && before > 200));`;
  expect(node([], program)).toBe(true);
});

test('sizes are told in MiB; an old generation of 0 is left to V8', () => {
  expect(heapLimits({ oldBytes: 64 * MIB, youngBytes: 24 * MIB })).toEqual({
    maxOldGenerationSizeMb: 64,
    maxYoungGenerationSizeMb: 24,
  });
  expect(heapLimits({ oldBytes: 0, youngBytes: 24 * MIB })).toEqual({
    maxYoungGenerationSizeMb: 24,
  });
});
