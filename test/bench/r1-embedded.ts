/**
 * R1 on the embedded log: a drain with every score published, a drain with alerts only, and latency
 *    at a
 * fixed rate. Each is a process of its own, which counts its own CPU seconds, all threads together.
 *
 *   npm run bench -- [--payments 2000000] [--users 3000] [--rate 5000] [--seconds 30] [--only
 *   drain|latency]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const LOADER = fileURLToPath(new URL('./load-log.js', import.meta.url));

const { values } = parseArgs({
  options: {
    payments: { type: 'string', default: '2000000' },
    users: { type: 'string', default: '3000' },
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '30' },
    only: { type: 'string', default: '' },
  },
});

async function node(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return out.trim().split('\n').at(-1) ?? '';
}

async function measured(name: string, data: string, ...args: string[]): Promise<void> {
  const quiet = ['--no-listen', '--json', '--set', 'logging.level=error', '--until-end'];
  const line = await node(CLI, 'run', '--data', data, ...quiet, ...args);
  console.log(JSON.stringify({ name, ...(JSON.parse(line) as object) }, undefined, 2));
}

const folder = mkdtempSync(join(tmpdir(), 'shrike-bench-'));
try {
  if (values.only !== 'latency') {
    const loaded = join(folder, 'loaded');
    await node(LOADER, loaded, values.payments, values.users);
    for (const [name, scored] of [
      ['drain, every score published', true],
      ['drain, alerts only', false],
    ] as const) {
      const data = join(folder, 'run');
      cpSync(loaded, data, { recursive: true });
      await measured(name, data, '--set', `outputs.scored=${scored}`);
      rmSync(data, { recursive: true });
    }
  }
  if (values.only !== 'drain') {
    const payments = Number(values.rate) * Number(values.seconds);
    const simulate = ['--source', 'simulate', '--population', values.users];
    const rate = ['--rate', values.rate, '--payments', String(payments)];
    await measured(`latency at ${values.rate}/s`, join(folder, 'live'), ...simulate, ...rate);
  }
} finally {
  rmSync(folder, { recursive: true });
}
