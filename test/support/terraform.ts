/**
 * `deploy/terraform`, run where nothing of it stays in the tree.
 *
 *     const terraform = await openTerraform(scratch, moto.env);
 *     await terraform.run(['validate']);
 *     await terraform.apply(['-var=…']);
 *     terraform.resources()                   what the state holds
 */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const FOLDER = resolve('deploy/terraform');
const OUTPUT_BYTES_MAX = 64 << 20;

export interface Resource {
  /** As `module.checkpoints.aws_s3_bucket.this`. */
  readonly address: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface StateFile {
  readonly outputs: Readonly<Record<string, { readonly value: unknown }>>;
  readonly resources: readonly {
    readonly module?: string;
    readonly mode: 'managed' | 'data';
    readonly type: string;
    readonly name: string;
    readonly instances: readonly {
      readonly index_key?: string | number;
      readonly attributes: Readonly<Record<string, unknown>>;
    }[];
  }[];
}

export interface Policy {
  readonly Statement: readonly {
    readonly Action: string | readonly string[];
    readonly Resource?: string | readonly string[];
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }[];
}

export class Terraform {
  readonly #scratch: string;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(scratch: string, env: Readonly<Record<string, string | undefined>>) {
    this.#scratch = scratch;
    this.#env = env;
  }

  /** Flags for what reads and writes the state. */
  get state(): readonly string[] {
    return ['-input=false', `-state=${this.#stateFile}`];
  }

  get #stateFile(): string {
    return join(this.#scratch, 'terraform.tfstate');
  }

  /** @returns what it printed @throws Error with what it said, when it fails */
  async run(args: readonly string[]): Promise<string> {
    const [command = '', ...flags] = args;
    try {
      const { stdout } = await promisify(execFile)('terraform', [command, '-no-color', ...flags], {
        cwd: FOLDER,
        env: this.#env,
        maxBuffer: OUTPUT_BYTES_MAX,
      });
      return stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`terraform ${command} failed:\n${stdout}\n${stderr}`, { cause: error });
    }
  }

  /** As one would on AWS: an apply that fails half way is gone on with, once. */
  async apply(flags: readonly string[]): Promise<string> {
    const apply = ['apply', '-auto-approve', ...this.state, ...flags];
    try {
      return await this.run(apply);
    } catch (error) {
      process.stderr.write(`once more, after: ${String(error)}\n`);
      return await this.run(apply);
    }
  }

  output(name: string): unknown {
    return this.#read().outputs[name]?.value;
  }

  /** @throws Error when the state has no such resource */
  attributes(address: string): Resource['attributes'] {
    const found = this.resources().find((one) => one.address === address);
    if (found === undefined) throw new Error(`the state has no ${address}`);
    return found.attributes;
  }

  /** Of a role. @throws Error when the state has no such resource */
  policy(address: string): Policy {
    return JSON.parse(this.attributes(address).policy as string) as Policy;
  }

  /** What was made, with the pattern in its address; what was only looked up is left out. */
  resources(address = /./): readonly Resource[] {
    const managed = this.#read().resources.filter(({ mode }) => mode === 'managed');
    const all = managed.flatMap(({ module, type, name, instances }) =>
      instances.map(({ index_key, attributes }) => {
        const place = `${module === undefined ? '' : `${module}.`}${type}.${name}`;
        const index = index_key === undefined ? '' : `[${JSON.stringify(index_key)}]`;
        return { address: `${place}${index}`, attributes };
      }),
    );
    return all.filter((one) => address.test(one.address));
  }

  #read(): StateFile {
    return JSON.parse(readFileSync(this.#stateFile, 'utf8')) as StateFile;
  }
}

/** With its provider; the lock file in the tree says which, and is not written. */
export async function openTerraform(
  scratch: string,
  env: Readonly<Record<string, string>>,
): Promise<Terraform> {
  const config = join(scratch, 'terraform.rc');
  const mirror = execFileSync(process.execPath, ['tools/terraform-mirror.mjs']).toString().trim();
  const installation = `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`;
  writeFileSync(config, mirror === 'direct' ? '' : installation);
  const terraform = new Terraform(scratch, {
    ...process.env,
    ...env,
    TF_CLI_CONFIG_FILE: config,
    TF_DATA_DIR: join(scratch, 'terraform'),
    CHECKPOINT_DISABLE: '1',
  });
  await terraform.run(['init', '-input=false', '-lockfile=readonly']);
  return terraform;
}
