import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { type EmbeddedLogOptions, openEmbeddedLog } from '../../src/log/embedded/log.ts';
import { DurableLog, MemoryLog } from '../support/memory-log.ts';
import { type LogSubject, logConformance } from './log.ts';

async function embedded(options: Partial<EmbeddedLogOptions>): Promise<LogSubject> {
  const folder = await mkdtemp(join(tmpdir(), 'shrike-log-'));
  const open = () =>
    openEmbeddedLog(folder, { sync: 'commit', syncIntervalMs: 5, clock: systemClock, ...options });
  let log = await open();
  return {
    log,
    reopen: async () => {
      await log.close();
      log = await open();
      return log;
    },
    close: async () => {
      await log.close();
      await rm(folder, { recursive: true });
    },
  };
}

logConformance('embedded', () => embedded({}));
logConformance('embedded, synced by interval, without a cache', () =>
  embedded({ sync: 'interval', cacheBytes: 0 }),
);

logConformance('memory', async () => {
  const durable = new DurableLog();
  let log = new MemoryLog(durable, systemClock);
  return {
    log,
    reopen: async () => {
      await log.close();
      log = new MemoryLog(durable, systemClock);
      return log;
    },
    close: () => log.close(),
  };
});
