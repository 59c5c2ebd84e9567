import { type ErrorCode, isDiskFull, ShrikeError } from '../src/core/errors.ts';

const MESSAGES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/lock hold by current process|While lock file/i, 'DATA_DIR_LOCKED'],
  [/Permission denied|Read-only file system|Operation not permitted/i, 'DATA_DIR_UNWRITABLE'],
  // They pass, and say nothing of what is on the disk: a sound store must not be thrown away for
  // them.
  [/Too many open files|Cannot allocate memory/i, 'STATE_UNAVAILABLE'],
];

/** The binding has text only, no codes. What is not known to be harmless counts as corruption. */
export function rocksError(cause: unknown, doing: string, folder: string): ShrikeError {
  if (cause instanceof ShrikeError) return cause;
  const text = String(cause);
  const code = isDiskFull(cause)
    ? 'DISK_FULL'
    : (MESSAGES.find(([pattern]) => pattern.test(text))?.[1] ?? 'STATE_CORRUPT');
  return new ShrikeError(code, `RocksDB could not ${doing} ${folder}`, { cause });
}

export function isLocked(error: unknown): boolean {
  return error instanceof ShrikeError && error.code === 'DATA_DIR_LOCKED';
}
