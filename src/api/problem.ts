/** Errors as HTTP answers: `{code, message, hint}`, with code and hint of the error table. */
import { codeOf, ERRORS, type ErrorCode, explain, ShrikeError } from '../core/errors.ts';

interface Problem {
  readonly code: ErrorCode | 'UNEXPECTED';
  readonly message: string;
  readonly hint: string;
}

/** Statuses that say more than the code's domain does. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  API_HOST_REFUSED: 403,
  API_TOKEN_WRONG: 401,
  API_NOT_FOUND: 404,
  API_BUSY: 503,
  ENGINE_NOT_RUNNING: 503,
  LOG_TOPIC_UNKNOWN: 404,
  LOG_OFFSET_OUT_OF_RANGE: 416,
  CHECKPOINT_NOT_FOUND: 404,
};
const OF_DOMAIN = { data: 400, input: 400, external: 503, internal: 500 } as const;

export function statusOf(error: unknown): number {
  if (error instanceof ShrikeError) return STATUS[error.code] ?? OF_DOMAIN[error.kind.domain];
  return clientStatus(error) ?? 500;
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ShrikeError) {
    const [message = ''] = explain(error).split(` [${error.code}]`);
    return { code: error.code, message, hint: error.kind.hint };
  }
  if (clientStatus(error) !== undefined) {
    const code = 'API_REQUEST_INVALID';
    return { code, message: (error as Error).message, hint: ERRORS[code].hint };
  }
  const hint = "Nothing was foreseen for this; the engine's log has the details. Please report it.";
  return { code: codeOf(error), message: explain(error), hint };
}

/** What fastify itself refuses (schema, body size, media type) carries its own status. */
function clientStatus(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
