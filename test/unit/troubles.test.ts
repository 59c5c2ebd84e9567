import { expect, test } from 'vitest';
import { patientAppend } from '../../src/cli/patient-append.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import { tellingTroublesOnce } from '../../src/telemetry/troubles.ts';
import { HandClock } from '../support/hand-clock.ts';

function recorder(): { readonly lines: unknown[]; readonly logger: Logger } {
  const lines: unknown[] = [];
  return { lines, logger: { event: (level, event, facts) => lines.push([level, event, facts]) } };
}

const QUIET_MS = 15_000;

test('a full disk is one line however many meet it, and one when it is over', async () => {
  const { lines, logger } = recorder();
  const clock = new HandClock();
  const stop = new AbortController();
  const telling = tellingTroublesOnce(logger, { clock, quietMs: QUIET_MS, signal: stop.signal });
  const reason =
    'cannot write a.seg: ENOSPC: no space left [CHECKPOINT_UPLOAD_FAILED]\n  Check it.';
  telling.event('warn', 'checkpoint not sealed', { code: 'CHECKPOINT_UPLOAD_FAILED', reason });
  telling.event('warn', 'partition recovers', { partition: 1, code: 'DISK_FULL', reason: 'full' });
  await clock.advance(10_000);
  telling.event('warn', 'partition recovers', { partition: 2, code: 'DISK_FULL', reason: 'full' });
  await clock.advance(14_000);
  expect(lines).toEqual([
    [
      'error',
      'disk is full',
      {
        code: 'DISK_FULL',
        reason:
          'cannot write a.seg: ENOSPC: no space left [DISK_FULL]\n' +
          '  Free space on the volume of the data folder; nothing that was committed is lost.',
      },
    ],
  ]);
  await clock.advance(1000);
  expect(lines[1]).toEqual(['warn', 'trouble is over', { code: 'DISK_FULL', met: 3, seconds: 10 }]);
  telling.event('warn', 'partition recovers', { code: 'DISK_FULL', reason: 'full' });
  expect(lines).toHaveLength(3);
  stop.abort();
});

test('what does not pass by itself is told each time', () => {
  const { lines, logger } = recorder();
  const { signal } = new AbortController();
  const clock = new HandClock();
  const telling = tellingTroublesOnce(logger, { clock, quietMs: QUIET_MS, signal });
  for (const partition of [1, 2]) {
    telling.event('error', 'local state is corrupt', { partition, code: 'STATE_CORRUPT' });
    telling.event('info', 'partition is live', { partition });
  }
  expect(lines).toHaveLength(4);
});

test.each([
  'DISK_FULL',
  'LOG_UNAVAILABLE',
  // Brokers below min.insync.replicas: what was refused has left nothing behind.
  'COMMIT_FAILED',
] as const)(
  'an append waits while it meets %s, and gives up when it is asked to stop',
  async (code) => {
    const { logger, lines } = recorder();
    const clock = new HandClock();
    const stop = new AbortController();
    let failures = 2;
    const log = {
      append: async () => {
        if (failures-- > 0) throw new ShrikeError(code, 'not now');
        return [7];
      },
    };
    const { signal } = stop;
    const append = patientAppend({ log, logger, clock, signal, leavesAtStop: true });
    const appended = append([]);
    await clock.advance(100);
    await clock.advance(200);
    expect(await appended).toEqual([7]);
    expect(lines).toHaveLength(2);
    failures = 9;
    const refused = expect(append([])).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    stop.abort();
    await refused;
  },
);

test('who does not leave when asked to stop has what is under way, and tries nothing again', async () => {
  const { logger } = recorder();
  const stop = new AbortController();
  const ends: ((error?: Error) => void)[] = [];
  const log = {
    append: () =>
      new Promise<readonly number[]>((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve([7]) : reject(error)));
      }),
  };
  const append = patientAppend({ log, logger, clock: new HandClock(), signal: stop.signal });
  const [kept, refused] = [append([]), append([])];
  stop.abort();
  ends[0]?.();
  ends[1]?.(new ShrikeError('LOG_UNAVAILABLE', 'not now'));
  expect(await kept).toEqual([7]);
  await expect(refused).rejects.toThrow('not now');
  expect(ends.length).toBe(2);
});

test('an append that fails for good is not tried again', async () => {
  const { logger } = recorder();
  const { signal } = new AbortController();
  let calls = 0;
  const log = {
    append: async () => {
      calls += 1;
      throw new ShrikeError('LOG_TOPIC_UNKNOWN', 'the log has no such topic');
    },
  };
  const append = patientAppend({ log, logger, clock: new HandClock(), signal });
  await expect(append([])).rejects.toMatchObject({ code: 'LOG_TOPIC_UNKNOWN' });
  expect(calls).toBe(1);
});
