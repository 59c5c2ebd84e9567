/**
 * How an error is to be taken.
 *
 * domain: `data` one record is bad (it goes to `dead_letters`); `input` what the operator of the
 * program gave is wrong (stop and say so); `external` a disk, store or log does not answer (back
 * off, go on); `internal` an invariant is broken (stop, restore from what is known to be right).
 */
export interface ErrorKind {
  readonly domain: 'data' | 'input' | 'external' | 'internal';
  readonly retry: 'never' | 'backoff' | 'restore';
  /** What to do about it: one sentence for the person who reads the log at night. */
  readonly hint: string;
}

export const kind = (
  domain: ErrorKind['domain'],
  retry: ErrorKind['retry'],
  hint: string,
): ErrorKind => ({
  domain,
  retry,
  hint,
});
