/** `shrike up`, `shrike down`: servers for trying things, and with --all what else there is. */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { explain } from '../core/errors.ts';
import { configOf, print, printJson, table } from './common.ts';
import { type LocalProgram, logOf, startProgram, stopProgram } from './local-program.ts';
import { S3_CREDENTIALS, type ServersOptions, startServers, stopServers } from './local-servers.ts';
import {
  alertsProgram,
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
  readonly enginePort: number;
  readonly prometheusPort: number;
  readonly registryPort: number;
  readonly rate: string;
  readonly historyDays: number;
  readonly json?: boolean;
}
export interface DownOptions extends CommonOptions {
  readonly delete?: boolean;
}

/** A program, and where it is seen. */
interface Started {
  readonly name: string;
  readonly at: string;
}

/** @throws SERVERS_FAILED with what a script or a program says */
export async function up(options: UpOptions): Promise<void> {
  rateOf(options.rate);
  const folder = serversFolder(options);
  await mkdir(folder, { recursive: true });
  const servers = await startServers(folder, options);
  const settings = { kafka: { bootstrap: servers.brokers.join(',') }, s3: servers.s3 };
  const file = join(folder, 'shrike.servers.json');
  await writeFile(file, `${JSON.stringify(settings, null, 2)}\n`);
  const { enginePort, prometheusPort, registryPort, rate, historyDays } = options;
  const ports = { engine: enginePort, prometheus: prometheusPort, registry: registryPort };
  const topology = { folder: resolve(folder), servers, ports, rate, historyDays };
  const programs = options.all === true ? await startAll(topology) : [];
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
  return [...own, ...others];
}

async function startOwn(
  topology: TopologyOptions,
  start: (program: LocalProgram, at: string) => Promise<Started>,
): Promise<readonly Started[]> {
  const { folder, ports, rate, historyDays } = topology;
  const address = (index: number) => `http://127.0.0.1:${ports.engine + index}`;
  // It makes the topics.
  const first = await start(engineProgram(topology, 0), address(0));
  const payments = `history of ${historyDays} d, then ${rate} payments a second`;
  return [
    first,
    await start(engineProgram(topology, 1), address(1)),
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
