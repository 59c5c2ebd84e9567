import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

test('SIGTERM before the program listens ends it; once it listens, the program decides', async () => {
  const ended = async (program: string) => {
    const early = ['--require', './deploy/docker/early-signal.cjs'];
    const child = spawn(process.execPath, [...early, '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    return { code, signal };
  };
  const up = 'setInterval(() => {}, 1000); console.log("up");';
  expect(await ended(up)).toEqual({ code: 143, signal: null });
  const listens = `process.on('SIGTERM', () => process.exit(7)); ${up}`;
  expect(await ended(listens)).toEqual({ code: 7, signal: null });
});
