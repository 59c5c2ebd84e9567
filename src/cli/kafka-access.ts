/**
 * Kafka: the log is read where it is, beside any number of engines. Only local state is somebody's
 * own: that of the engine on the data folder, when one runs, or else of the folder itself.
 */
import { existsSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { claimDataFolder } from '../data-folder.ts';
import { inputTopicOf } from '../job.ts';
import { brokersOf } from '../kafka.ts';
import { openLog } from '../open-log.ts';
import type { LocalState } from './access-contract.ts';
import { EngineAccess } from './engine-access.ts';
import type { EngineClient } from './engine-client.ts';
import { inputPartitions, LogAccess } from './log-access.ts';

/** @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED, CONFIG_INVALID */
export async function openKafkaAccess(
  config: Config,
  engine: () => EngineClient | undefined,
): Promise<LogAccess> {
  // A command is no member of the group: nothing of it may have the member's names.
  const alone = { ...config, kafka: { ...config.kafka, instanceId: '' } };
  let told = '';
  const logger = {
    event: (_level: string, event: string, { reason = '' }: { readonly reason?: unknown } = {}) => {
      const line = `${event}: ${String(reason)}\n`;
      // What is tried again and again fails in the same way.
      if (line !== told) process.stderr.write(line);
      told = line;
    },
  };
  const log = await openLog({ config: alone, kafka: brokersOf(alone), folder: '', logger });
  const input = {
    partitions: () => inputPartitions(log, config),
    logName: () => log.identity(inputTopicOf(config)),
  };
  // Only who asks for it needs an engine that has come far enough to answer.
  const local = (): LocalState => {
    const client = engine();
    return client === undefined ? folderState(config, input) : new EngineAccess(client, config);
  };
  return new LogAccess({
    config,
    log,
    local: {
      localOffset: (partition) => local().localOffset(partition),
      actor: (user) => local().actor(user),
    },
    release: () => undefined,
  });
}

/** The folder is claimed for one look: reading the log must not keep an engine out. */
function folderState(
  config: Config,
  log: { readonly partitions: () => Promise<number>; readonly logName: () => Promise<string> },
): LocalState {
  const look = async <T>(use: (state: LocalState) => Promise<T>): Promise<T | undefined> => {
    if (!existsSync(config.dataDir)) return undefined;
    const folder = claimDataFolder(config.dataDir);
    process.once('exit', folder.release);
    try {
      const { LocalStores } = await import('./local-stores.ts');
      return await use(new LocalStores({ config, folder: folder.state, ...log }));
    } finally {
      folder.release();
      process.off('exit', folder.release);
    }
  };
  return {
    localOffset: (partition) => look((state) => state.localOffset(partition)),
    actor: (user) => look((state) => state.actor(user)),
  };
}
