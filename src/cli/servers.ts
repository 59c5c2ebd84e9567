/** `shrike up`, `shrike down`: servers for trying things, and with --all what else there is. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { explain, ShrikeError } from '../core/errors.ts';
import { configOf, print, printJson, table } from './common.ts';
import {
  expectRunning,
  isRunning,
  type LocalProgram,
  logOf,
  startProgram,
  stopProgram,
} from './local-program.ts';
import { S3_CREDENTIALS, type ServersOptions, startServers, stopServers } from './local-servers.ts';
import {
  alertsProgram,
  DEFAULTS,
  engineProgram,
  IN_CONTAINERS_ONLY,
  PROGRAMS,
  prometheusProgram,
  registryProgram,
  simulatorProgram,
  type TopologyOptions,
} from './local-topology.ts';
import type { CommonOptions } from './options.ts';
import { rateOf } from './simulate-options.ts';

export interface UpOptions extends CommonOptions, ServersOptions {
  readonly all?: boolean;
  readonly enginePort?: number;
  readonly prometheusPort?: number;
  readonly registryPort?: number;
  readonly rate?: string;
  readonly historyDays?: number;
  readonly json?: boolean;
}
export interface DownOptions extends CommonOptions {
  readonly delete?: boolean;
}

type Choices = Pick<TopologyOptions, 'ports' | 'rate' | 'historyDays'>;

/** A program, and where it is seen. */
interface Started {
  readonly name: string;
  readonly at: string;
}

/** @throws SERVERS_FAILED with what a script or a program says */
export async function up(options: UpOptions): Promise<void> {
  if (options.rate !== undefined) rateOf(options.rate);
  const folder = serversFolder(options);
  await mkdir(folder, { recursive: true });
  const choices = options.all === true ? await chosen(resolve(folder), options) : undefined;
  const servers = await startServers(folder, options);
  const settings = { kafka: { bootstrap: servers.brokers.join(',') }, s3: servers.s3 };
  const file = join(folder, 'shrike.servers.json');
  await writeFile(file, `${JSON.stringify(settings, null, 2)}\n`);
  const programs =
    choices === undefined ? [] : await startAll({ folder: resolve(folder), servers, ...choices });
  if (options.json === true) {
    const more = options.all === true ? { programs } : {};
    return printJson({ ...settings, config: file, env: S3_CREDENTIALS, ...more });
  }
  const { bucket, endpoint } = servers.s3;
  print(
    table([
      ['kafka', settings.kafka.bootstrap],
      ['minio', `${endpoint}, bucket ${bucket}`],
      ...programs.map(({ name, at }) => [name, at]),
    ]),
  );
  if (options.all === true) {
    print(`In containers only (deploy/compose): ${IN_CONTAINERS_ONLY.join(', ')}.`);
  }
  const data = options.data === undefined ? '' : ` --data ${options.data}`;
  const exports = Object.entries(S3_CREDENTIALS).map(([name, value]) => `${name}=${value}`);
  const next = options.all === true ? 'lag' : 'run --source simulate';
  print(`
Next:
  export ${exports.join(' ')}
  shrike ${next} --config ${file}${data}
  shrike down${data}`);
}

/**
 * What was chosen when they were started stays while one of them runs, as a server keeps its port.
 * @throws SERVERS_FAILED when another choice is asked for then
 */
async function chosen(folder: string, options: UpOptions): Promise<Choices> {
  const file = join(folder, 'choices.json');
  const runs = PROGRAMS.some((name) => isRunning(folder, name));
  const kept = runs ? (JSON.parse(await readFile(file, 'utf8')) as Choices) : DEFAULTS;
  const { ports } = kept;
  const choices = {
    ports: {
      engine: options.enginePort ?? ports.engine,
      prometheus: options.prometheusPort ?? ports.prometheus,
      registry: options.registryPort ?? ports.registry,
    },
    rate: options.rate ?? kept.rate,
    historyDays: options.historyDays ?? kept.historyDays,
  };
  if (runs && !isDeepStrictEqual(choices, kept)) {
    const message = `what runs in ${folder} was started with ${JSON.stringify(kept)}`;
    throw new ShrikeError('SERVERS_FAILED', `${message}: end it first, by \`shrike down\``);
  }
  await writeFile(file, JSON.stringify(choices));
  return choices;
}

/** In the order of the Compose file's `depends_on`. */
async function startAll(topology: TopologyOptions): Promise<readonly Started[]> {
  const { folder, ports } = topology;
  const start = async (program: LocalProgram, at: string): Promise<Started> => {
    await startProgram(folder, program);
    return { name: program.name, at };
  };
  const registry = `http://127.0.0.1:${ports.registry}/apis/ccompat/v7`;
  const own = await startOwn(topology, start);
  const others = await Promise.all([
    optional('prometheus', async () =>
      start(await prometheusProgram(topology), `http://127.0.0.1:${ports.prometheus}/alerts`),
    ),
    optional('schema-registry', async () => start(await registryProgram(topology), registry)),
  ]);
  // These two say nothing when they are ready; by now they would have ended.
  for (const name of ['simulator', 'alerts']) expectRunning(folder, name);
  return [...own, ...others];
}

async function startOwn(
  topology: TopologyOptions,
  start: (program: LocalProgram, at: string) => Promise<Started>,
): Promise<readonly Started[]> {
  const { folder, ports, rate, historyDays } = topology;
  const address = (index: number) => `http://127.0.0.1:${ports.engine + index}`;
  // It makes the topics.
  const first = await start(await engineProgram(topology, 0), address(0));
  const payments = `history of ${historyDays} d, then ${rate} payments a second`;
  return [
    first,
    await start(await engineProgram(topology, 1), address(1)),
    await start(simulatorProgram(topology), payments),
    await start(alertsProgram(topology), `tail -f ${relative('', logOf(folder, 'alerts'))}`),
  ];
}

/** What needs a program that this machine may not have: the others do without it. */
async function optional(name: string, start: () => Promise<Started>): Promise<Started> {
  try {
    return await start();
  } catch (error) {
    const [reason = '', ...more] = explain(error).split('\n');
    process.stderr.write(`${[reason, ...more].join('\n')}\n`);
    return { name, at: `not started: ${reason}` };
  }
}

/** @throws SERVERS_FAILED with what a script says */
export async function down(options: DownOptions): Promise<void> {
  const folder = serversFolder(options);
  if (!existsSync(folder)) return print('no servers were started here');
  // Nothing that needs a server is there any more when it stops.
  for (const name of PROGRAMS) {
    if (await stopProgram(resolve(folder), name)) print(`${name} stopped`);
  }
  print((await stopServers(folder)).join('\n'));
  if (options.delete === true) await rm(folder, { recursive: true });
  print(options.delete === true ? `${folder} deleted` : `what they stored stays in ${folder}`);
}

function serversFolder(options: CommonOptions): string {
  return join(configOf(options).config.dataDir, 'servers');
}
