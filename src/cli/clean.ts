/** `shrike clean`: raw files in, clean files out, card numbers masked. */
import { systemClock as clock } from '../core/clock.ts';
import { cleanFiles } from '../ingest/clean-files.ts';
import { ProgressLine } from '../ingest/progress.ts';
import { untilSignal } from './access.ts';
import { configOf, print, printJson } from './common.ts';
import type { CommonOptions } from './options.ts';
import { panKey } from './pan-key.ts';

export interface CleanOptions extends CommonOptions {
  readonly transactions: string;
  readonly users: string;
  readonly cards: string;
  readonly out: string;
  readonly unsafeKeepPan?: boolean;
  readonly rejectsMax?: number;
  readonly json?: boolean;
}

export async function clean(options: CleanOptions): Promise<void> {
  const { config } = configOf(options);
  const { transactions, users, cards, out } = options;
  const keepPan = options.unsafeKeepPan === true;
  const progress = new ProgressLine({ clock, stream: process.stderr });
  const counts = await cleanFiles({
    files: { transactions, users, cards },
    outDir: out,
    keepPan,
    panKey: keepPan ? Buffer.alloc(0) : panKey(config.dataDir, process.env),
    rejectsMax: options.rejectsMax,
    progress: progress.update,
    signal: untilSignal(),
  });
  progress.finish();
  if (options.json === true) return printJson(counts);
  print(
    `${counts.transactions} payments, ${counts.users} users, ${counts.cards} cards, ` +
      `${counts.rejects} rows left out: ${out}`,
  );
}
