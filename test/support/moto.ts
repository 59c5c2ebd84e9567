/**
 * AWS on this machine, as far as moto imitates it (`tools/install-terraform-checks.sh`).
 *
 *     const moto = await startMoto();
 *     afterAll(() => moto.remove());          else it lives until the run ends
 *
 *     moto.endpoint                           'http://127.0.0.1:PORT', of every service
 *     moto.env                                for the SDKs and for terraform
 */
import { spawn } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { freePorts, isAlive, ServerProcess, serverFolder } from './server-folder.ts';

const POLL_MS = 50;

export class Moto {
  readonly endpoint: string;
  readonly #folder: string;
  readonly #process: ServerProcess;

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.endpoint = `http://127.0.0.1:${port}`;
    this.#process = new ServerProcess(join(folder, 'moto.pid'));
  }

  get env(): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_ACCESS_KEY_ID: 'nobody',
      AWS_SECRET_ACCESS_KEY: 'nothing',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  async remove(): Promise<void> {
    await this.#process.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** @param tools the folder that `tools/install-terraform-checks.sh` prints */
export async function startMoto(tools: string): Promise<Moto> {
  const folder = serverFolder('moto');
  const port = await freePorts();
  const program = join(folder, 'serve.py');
  // A file of its own, because the watchdog knows its processes by the folder they name.
  writeFileSync(program, 'from moto.server import main\nmain()\n');
  const log = openSync(join(folder, 'moto.log'), 'w');
  const args = [program, '-H', '127.0.0.1', '-p', String(port)];
  const child = spawn(join(tools, 'venv/bin/python'), args, {
    detached: true,
    stdio: ['ignore', log, log],
    // Policies of AWS's own, which roles of clusters and nodes are given.
    env: { ...process.env, MOTO_IAM_LOAD_MANAGED_POLICIES: 'true' },
  });
  child.unref();
  writeFileSync(join(folder, 'moto.pid'), String(child.pid));
  const moto = new Moto(folder, port);
  while (!(await answers(moto.endpoint))) {
    if (!isAlive(child.pid ?? 0))
      throw new Error(`moto ended: ${readFileSync(join(folder, 'moto.log'), 'utf8')}`);
    await systemClock.sleep(POLL_MS);
  }
  return moto;
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/moto-api/`)).ok;
  } catch {
    return false;
  }
}
