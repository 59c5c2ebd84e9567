/** What a failed request to the store means: try again, or tell a person. */

/**
 * `passing`  a network, a server or a race failed; the next try may do.
 * `doubtful` mostly for good, but credentials are fetched, rotated and timed: a few tries more.
 * `final`    the store, or the way to its credentials, says no.
 */
export type Verdict = 'passing' | 'doubtful' | 'final';

const DOUBTFUL: ReadonlySet<string> = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestTimeTooSkewed',
  'TokenRefreshRequired',
]);
/** With a status that says "your fault", although the way there was at fault. */
const PASSING: ReadonlySet<string> = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'OperationAborted',
  'RequestTimeout',
  'SlowDown',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
]);
/** Found out before a request goes out, so that there is no status. */
const FINAL: ReadonlySet<string> = new Set(['InvalidBucketName', 'UnresolvableEndpoint']);
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 409, 425, 429]);
const NOT_IMPLEMENTED = 501;

export function verdictOf(error: unknown): Verdict {
  const { name, status } = factsOf(error);
  if (FINAL.has(name)) return 'final';
  if (DOUBTFUL.has(name)) return 'doubtful';
  if (PASSING.has(name) || status === undefined || PASSING_STATUS.has(status)) return 'passing';
  // 501: MinIO without a key server, asked to encrypt. Other servers' faults pass.
  if (status >= 500 && status !== NOT_IMPLEMENTED) return 'passing';
  // A checksum of the answer that does not match comes with the status of the answer.
  return status < 300 ? 'passing' : 'final';
}

/** The store's name for the failure, e.g. `NoSuchKey`. */
export function failureName(error: unknown): string {
  return factsOf(error).name;
}

export function statusOf(error: unknown): number | undefined {
  return factsOf(error).status;
}

/** One sentence without the SDK's advice, which is about its own options. */
export function failureText(error: unknown): string {
  const { name, status, code } = factsOf(error);
  const said = error instanceof Error ? error.message.split('\n')[0] : String(error);
  const label = code ?? name;
  const text = said === '' || said === undefined || said === label ? label : `${label}: ${said}`;
  return status === undefined ? text : `${text} (HTTP ${status})`;
}

interface Facts {
  readonly name: string;
  readonly code: string | undefined;
  readonly status: number | undefined;
}

function factsOf(error: unknown): Facts {
  const { name, code, $metadata } = error as Partial<{
    name: string;
    code: string;
    $metadata: { httpStatusCode?: number };
  }>;
  return {
    name: typeof name === 'string' ? name : 'Error',
    code: typeof code === 'string' ? code : undefined,
    status: $metadata?.httpStatusCode,
  };
}
