import { expect, test } from 'vitest';
import { verdictOf } from '../../checkpoints/s3-failures.ts';
import { Tries, type Try } from '../../checkpoints/s3-tries.ts';
import type { Clock } from '../../src/core/clock.ts';
import { seeded } from '../../src/core/random.ts';

const failure = (name: string, httpStatusCode?: number, code?: string) =>
  Object.assign(new Error(`${name} happened`), {
    name,
    ...(code !== undefined && { code }),
    ...(httpStatusCode !== undefined && { $metadata: { httpStatusCode } }),
  });

/** Time passes only in waits; those that are called off take none. */
class WaitingClock implements Clock {
  atMs = 0;
  readonly waitsMs: number[] = [];

  nowMs(): number {
    return this.atMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal !== undefined) {
      // A deadline: the tests' requests settle first.
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return;
    }
    this.waitsMs.push(ms);
    this.atMs += ms;
  }

  async yield(): Promise<void> {}
}

const triesOn = (clock: Clock, deadlineMs = 10_000) =>
  new Tries({ deadlineMs, clock, random: seeded(7), place: 'object store s3://b' });

const failing = (...failures: readonly Error[]) => {
  const seen: Try[] = [];
  const call = async (one: Try) => {
    const next = failures[seen.push(one) - 1];
    if (next !== undefined) throw next;
    return 'done';
  };
  return { call, seen };
};

test.each([
  ['passing', failure('Error', undefined, 'ECONNREFUSED')],
  ['passing', failure('TimeoutError')],
  ['passing', failure('InternalError', 500)],
  ['passing', failure('SlowDown', 503)],
  ['passing', failure('TooManyRequests', 429)],
  ['passing', failure('ConditionalRequestConflict', 409)],
  ['passing', failure('BadDigest', 400)],
  ['passing', failure('ChecksumMismatch', 200)],
  ['doubtful', failure('ExpiredToken', 400)],
  ['doubtful', failure('CredentialsProviderError')],
  ['final', failure('AccessDenied', 403)],
  ['final', failure('NoSuchBucket', 404)],
  ['final', failure('InvalidBucketName')],
  ['final', failure('NotImplemented', 501)],
  ['final', failure('PermanentRedirect', 301)],
])('%s: %s', (verdict, error) => {
  expect(verdictOf(error)).toBe(verdict);
});

test('a passing failure is tried again, and the repeat knows that it is one', async () => {
  const clock = new WaitingClock();
  const { call, seen } = failing(failure('InternalError', 500), failure('SlowDown', 503));
  expect(await triesOn(clock).run('put k', call)).toBe('done');
  expect(seen.map(({ isRepeat }) => isRepeat)).toEqual([false, true, true]);
  expect(clock.waitsMs).toHaveLength(2);
});

test('waits grow to their limit, each a random part of it', async () => {
  const clock = new WaitingClock();
  const { call } = failing(...Array.from({ length: 40 }, () => failure('InternalError', 500)));
  await triesOn(clock, 1e9).run('put k', call);
  const limitsMs = clock.waitsMs.map((_, i) => Math.min(5000, 100 * 2 ** i));
  expect(clock.waitsMs.every((ms, i) => ms >= 0 && ms <= (limitsMs[i] as number))).toBe(true);
  expect(Math.max(...clock.waitsMs)).toBeGreaterThan(4000);
  expect(new Set(clock.waitsMs).size).toBe(40);
});

test('the deadline ends it before a wait that would pass it, and names the last failure', async () => {
  const clock = new WaitingClock();
  const { call } = failing(...Array.from({ length: 99 }, () => failure('SlowDown', 503)));
  await expect(triesOn(clock, 2000).run('put k', call)).rejects.toMatchObject({
    code: 'OBJECT_STORE_UNAVAILABLE',
    message: expect.stringMatching(
      /^object store s3:\/\/b: put k failed after \d+ tries: SlowDown: .* \(HTTP 503\)$/,
    ),
  });
  expect(clock.atMs).toBeLessThan(2000);
});

test('a store that is down has one try an operation until it answers', async () => {
  const tries = triesOn(new WaitingClock(), 1000);
  const down = failing(...Array.from({ length: 99 }, () => failure('Error', 500)));
  await expect(tries.run('get k', down.call)).rejects.toThrow('after');
  const second = failing(failure('Error', 500));
  await expect(tries.run('get k', second.call)).rejects.toThrow('get k failed: Error');
  expect(second.seen).toHaveLength(1);
  expect(await tries.run('get k', failing().call)).toBe('done');
  expect(await tries.run('get k', failing(failure('Error', 500)).call)).toBe('done');
});

test('what the store refuses is not tried again; expired credentials are, twice', async () => {
  const refused = failing(failure('AccessDenied', 403));
  await expect(triesOn(new WaitingClock()).run('list p', refused.call)).rejects.toMatchObject({
    code: 'OBJECT_STORE_REFUSED',
    message: 'object store s3://b: list p failed: AccessDenied: AccessDenied happened (HTTP 403)',
  });
  const expired = failing(...Array.from({ length: 9 }, () => failure('ExpiredToken', 400)));
  await expect(triesOn(new WaitingClock()).run('list p', expired.call)).rejects.toMatchObject({
    code: 'OBJECT_STORE_REFUSED',
  });
  expect(expired.seen).toHaveLength(3);
});
