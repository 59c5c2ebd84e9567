/**
 * The Compose file as `docker compose` understands it: read by the library that it is made with
 * (tools/compose-check), with secrets that deploy/compose/secrets.sh has made.
 */
import { execFile } from 'node:child_process';
import { appendFile, copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const COMPOSE = 'deploy/compose';

export interface ComposeService {
  readonly image: string;
  readonly command: readonly string[] | null;
  readonly entrypoint: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[]; readonly interval: string };
  readonly deploy?: {
    readonly resources?: { readonly limits?: { readonly memory: string; readonly cpus: number } };
  };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly {
    readonly host_ip?: string;
    readonly published: string;
    readonly target: number;
  }[];
  readonly volumes?: readonly {
    readonly type: 'bind' | 'volume';
    readonly source: string;
    readonly target: string;
    readonly read_only?: boolean;
  }[];
}

export interface ComposeModel {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** A folder with secrets.sh and what it has made. @returns its path */
export async function madeSecrets(more: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'shrike-compose-'));
  for (const name of ['secrets.sh', '.env.example']) {
    await copyFile(join(COMPOSE, name), join(folder, name));
  }
  await run('bash', [join(folder, 'secrets.sh')]);
  const lines = Object.entries(more).map(([name, value]) => `${name}=${value}\n`);
  await appendFile(join(folder, '.env'), lines.join(''));
  return folder;
}

/** @throws Error with what compose-go says */
export async function composeModel(file: string, envFile?: string): Promise<ComposeModel> {
  const { stdout: program } = await run('bash', ['tools/install-compose-check.sh']);
  const args = [file, ...(envFile === undefined ? [] : [envFile])];
  const { stdout } = await run(program.trim(), args, { maxBuffer: 10 << 20 });
  return JSON.parse(stdout) as ComposeModel;
}
