/**
 * How a command reaches what it shows. On Kafka: the brokers. Else: through the API of the engine
 * that works on the data folder, or, when there is none, by opening the folder itself, which keeps
 * an engine out until the command ends.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import { engineAddress } from '../data-folder.ts';
import type { Access } from './access-contract.ts';
import { EngineClient } from './engine-client.ts';

type Use = (access: Access, signal: AbortSignal) => Promise<void>;

/** Runs a command on an existing data folder. @throws DATA_DIR_MISSING, DATA_DIR_LOCKED */
export async function withAccess(config: Config, use: Use): Promise<void> {
  if (config.kafka.bootstrap === '') requireDataFolder(config.dataDir);
  await withAnyAccess(config, use);
}

/** As `withAccess`; makes the folder when it is not there. */
export async function withAnyAccess(config: Config, use: Use): Promise<void> {
  const signal = untilSignal();
  const access = await openAccess(config);
  try {
    await use(access, signal);
  } finally {
    await access.close();
  }
}

/** Loads only what it opens: beside an engine a command needs neither RocksDB nor the operators. */
async function openAccess(config: Config): Promise<Access> {
  if (config.kafka.bootstrap !== '') {
    const engine = () => engineClient(config.dataDir);
    return (await import('./kafka-access.ts')).openKafkaAccess(config, engine);
  }
  const client = engineClient(config.dataDir);
  if (client === undefined) return (await import('./folder-access.ts')).openFolderAccess(config);
  return new (await import('./engine-access.ts')).EngineAccess(client, config);
}

/** The engine on the folder; undefined when none runs. */
export function engineClient(dataDir: string): EngineClient | undefined {
  const address = engineAddress(dataDir);
  return address === undefined ? undefined : new EngineClient(address);
}

/** @throws DATA_DIR_MISSING, ENGINE_NOT_RUNNING */
export function requireEngine(dataDir: string, what: string): EngineClient {
  requireDataFolder(dataDir);
  const client = engineClient(dataDir);
  if (client !== undefined) return client;
  throw new ShrikeError(
    'ENGINE_NOT_RUNNING',
    `${what} needs the engine, and none runs on ${dataDir}`,
  );
}

/** A command that reads must not leave a folder behind where there was none. */
export function requireDataFolder(dataDir: string): void {
  if (existsSync(join(dataDir, 'shrike.json'))) return;
  const what = existsSync(dataDir) ? 'is no data folder of Shrike' : 'does not exist';
  throw new ShrikeError('DATA_DIR_MISSING', `the data folder ${dataDir} ${what}`);
}

/** Aborts at the first SIGINT or SIGTERM; the second does not wait for the command to end. */
export function untilSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  return stop.signal;
}
