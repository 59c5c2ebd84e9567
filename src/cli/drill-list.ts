/** `shrike drill list`: what was drilled, and how it went. */
import { requireDataFolder } from './access.ts';
import { configOf, print, printJson, table } from './common.ts';
import { drillReports } from './drill-ground.ts';
import type { CommonOptions } from './options.ts';

export interface DrillListOptions extends CommonOptions {
  readonly count?: number;
  readonly json?: boolean;
}

/** @throws DATA_DIR_MISSING, OBJECT_STORE_UNAVAILABLE */
export async function drillList(options: DrillListOptions): Promise<void> {
  const { config } = configOf(options);
  // A bucket can be looked at from any machine.
  if (config.s3.bucket === '') requireDataFolder(config.dataDir);
  const names = (await (await drillReports(config)).list()).slice(0, options.count);
  if (options.json === true) return printJson(names);
  if (names.length === 0) return print('no drills');
  const rows = names.map(({ key, endedAtMs, kind, verdict }) => {
    return [new Date(endedAtMs).toISOString().replace('.000', ''), kind, verdict, key];
  });
  print(table([['ended', 'drill', 'verdict', 'report'], ...rows]));
}
