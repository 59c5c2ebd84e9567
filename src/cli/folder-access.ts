/** The embedded log: opens the data folder in this process, which keeps an engine out meanwhile. */
import type { Config } from '../core/config.ts';
import { claimDataFolder } from '../data-folder.ts';
import { inputTopicOf } from '../job.ts';
import { openLog } from '../open-log.ts';
import { LocalStores } from './local-stores.ts';
import { inputPartitions, LogAccess } from './log-access.ts';

/** @throws DATA_DIR_LOCKED, DATA_DIR_VERSION, DATA_DIR_UNWRITABLE, LOG_CORRUPT */
export async function openFolderAccess(config: Config): Promise<LogAccess> {
  const folder = claimDataFolder(config.dataDir);
  // However the process ends (a closed pipe, a second Ctrl-C), the claim does not outlive it.
  process.once('exit', folder.release);
  const logger = { event: () => undefined };
  const log = await openLog({ config, kafka: undefined, folder: folder.log, logger });
  const local = new LocalStores({
    config,
    folder: folder.state,
    partitions: () => inputPartitions(log, config),
    logName: () => log.identity(inputTopicOf(config)),
  });
  return new LogAccess({
    config,
    log,
    local,
    release: () => {
      folder.release();
      // Let go once: an engine that starts right now has its own claim there.
      process.off('exit', folder.release);
    },
  });
}
