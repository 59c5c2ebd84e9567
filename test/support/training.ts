/**
 * `models/training` as the job runs it: Python of the project's own environment
 * (`tools/install-training.sh`), Shrike from `dist/`.
 *
 *     await training('train.py', ['--features', …])      one of its programs
 *     await trainingPython('import forest; print(…)')    a few lines that use its modules
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtUrl } from './built.ts';
import type { Ended } from './command-line.ts';
import { endsWithRun } from './server-folder.ts';

const FOLDER = resolve('models/training');

/** How job.py calls Shrike. */
export const SHRIKE_COMMAND = `${process.execPath} ${fileURLToPath(builtUrl('src/cli.js'))}`;

export function training(
  program: 'job.py' | 'train.py',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return python([join(FOLDER, program), ...args], env);
}

/** @returns what it printed @throws Error with what it said */
export async function trainingPython(text: string): Promise<string> {
  const { code, stdout, stderr } = await python(['-c', text], { PYTHONPATH: FOLDER });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function python(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const tools = execFileSync('bash', ['tools/install-training.sh', '--dry'], { encoding: 'utf8' });
  // Without files of compiled code: the folder is part of the tree.
  const child = spawn(join(tools.trim(), 'venv/bin/python'), ['-B', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endsWithRun(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
