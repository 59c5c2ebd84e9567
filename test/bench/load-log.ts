/**
 * Fills a data folder's log with simulated payments, with no engine on it: node load-log.js DIR
 * PAYMENTS USERS
 */
import { feedSimulated, simulatedWorld } from '../../src/cli/feeds.ts';
import { loadConfig } from '../../src/config/loader.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import { claimDataFolder } from '../../src/data-folder.ts';
import { topicsOf } from '../../src/job.ts';
import { openEmbeddedLog } from '../../src/log/embedded/log.ts';

const [dataDir, payments, users] = process.argv.slice(2) as [string, string, string];
const { config } = loadConfig({ env: {}, flags: { dataDir } });
const folder = claimDataFolder(dataDir);
const log = await openEmbeddedLog(folder.log, { sync: 'interval', syncIntervalMs: 1000, clock });
await log.ensureTopics(topicsOf(config));
const source = { kind: 'simulate', seed: 1, users: Number(users), fraudRate: 0.00122 } as const;
await feedSimulated({
  log,
  config,
  world: simulatedWorld(source),
  ratePerSecond: 'max',
  payments: Number(payments),
  historyDays: 0,
  signal: new AbortController().signal,
});
await log.close();
folder.release();
