/**
 * A program that a test starts beside itself, and that says by HTTP when it is ready.
 *
 *     const server = await serve([program, ...args], { env, ready: 'http://127.0.0.1:PORT/up' });
 *     server.said()                  what it has written, to either output
 *     await server.end()
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from './command-line.ts';
import { endsWithRun } from './server-folder.ts';

export interface ServedProgram {
  said(): string;
  end(): Promise<void>;
}

interface ToServe {
  readonly env?: Readonly<Record<string, string>>;
  /** Answers with 2xx when it may be used. Without: at once. */
  readonly ready?: string;
  /** The program need not come so far: what it has said by then. */
  readonly givesUp?: (said: string) => boolean;
}

/** @throws Error with what it has said, when it ends, or gives up, before it is ready */
export async function serve(
  [program = '', ...args]: readonly string[],
  { env = {}, ready, givesUp = () => false }: ToServe,
): Promise<ServedProgram> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endsWithRun(child);
  const closed = once(child, 'close');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const end = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  await until(async () => {
    if (child.exitCode !== null || givesUp(said)) {
      await end();
      throw new Error(`${program} ended before it was ready: ${said}`);
    }
    return ready === undefined || answers(ready);
  });
  return { said: () => said, end };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}
