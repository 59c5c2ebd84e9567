import type { Clock } from '../../../core/clock.ts';

/** Undefined when the promise takes longer; it is left to itself then, so it must not reject. */
export async function within<T>(
  promise: Promise<T>,
  clock: Clock,
  { waitMs, stop }: { readonly waitMs: number; readonly stop?: AbortSignal },
): Promise<T | undefined> {
  const over = new AbortController();
  const end = () => over.abort();
  stop?.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([promise, clock.sleep(waitMs, over.signal).then(() => undefined)]);
  } finally {
    end();
    stop?.removeEventListener('abort', end);
  }
}
