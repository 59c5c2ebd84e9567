/** A build of many minutes that only the last tests need: it takes the CPU that others leave. */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @param limitMinutes how long it may take; it ends then, even when this process has ended before
 * @returns when it is waited for: `ready`, `failed` with what it said, or `late` after the time
 */
export function startLateBuild(script, limitMinutes) {
  const folder = mkdtempSync(join(tmpdir(), 'shrike-build-'));
  const log = join(folder, 'log');
  const out = openSync(log, 'w');
  // `timeout` ends all that the script has started, and hands our signal on to it.
  const args = [`${limitMinutes}m`, 'nice', '-n', '19', 'bash', script];
  const child = spawn('timeout', args, { stdio: ['ignore', out, out] });
  closeSync(out);
  const ended = new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
  return {
    /** @param untilMs on the clock of `performance.now()` */
    async outcome(untilMs) {
      const patience = new AbortController();
      // A moment at least: its end may be known to the system, and not yet to this process.
      const waitMs = Math.max(1000, untilMs - performance.now());
      const late = sleep(waitMs, 'late', { signal: patience.signal }).catch(() => 'late');
      const code = await Promise.race([ended, late]);
      patience.abort();
      if (code === 'late') child.kill('SIGTERM');
      const said = readFileSync(log, 'utf8');
      rmSync(folder, { recursive: true });
      // 124: `timeout` has ended it.
      if (code === 'late' || code === 124) return { kind: 'late', said };
      return { kind: code === 0 ? 'ready' : 'failed', said };
    },
  };
}
