/** A request again and again, until it is answered for good or the commit's time is over. */
import type { Clock } from '../../../core/clock.ts';
import { ShrikeError } from '../../../core/errors.ts';
import { brokerError } from '../wire/broker-errors.ts';
import { type Step, type Verdict, verdict } from './verdict.ts';

/** Markers are written within a millisecond or two, mostly. */
const AGAIN_MS_MIN = 1;
/** A broker that restarts takes seconds. */
const LOST_MS_MIN = 20;
const WAIT_MS_MAX = 200;

export interface Reply {
  /** A code of the protocol. */
  readonly error: number;
  /** What the broker says beyond the code, and about what. */
  readonly reason?: string | null;
}

export interface Asking {
  readonly step: Step;
  /** For messages: what the broker is asked to do. */
  readonly what: string;
  /** When to give up, as the clock has it. */
  readonly endMs: number;
  /** Stops asking; what is under way is waited for. */
  readonly signal?: AbortSignal;
  once(): Promise<Reply>;
  /** Forgets who was asked: it is somebody else's now. */
  elsewhere(): void;
  /** A connection broke: whether the broker has got the request, and still will, is unknown. */
  lost(): void;
}

export interface Answer {
  readonly verdict: Exclude<Verdict, 'again' | 'elsewhere'>;
  /** Verdict, code and reason in words. */
  readonly error: ShrikeError | undefined;
}

/** @throws COMMIT_FAILED when time is over; KAFKA_AUTH_FAILED, LOG_TOPIC_UNKNOWN… as they come */
export async function ask(clock: Clock, asking: Asking): Promise<Answer> {
  const { step, endMs, signal } = asking;
  for (let waitMs = AGAIN_MS_MIN; ; waitMs = Math.min(waitMs * 2, WAIT_MS_MAX)) {
    const { reply, cause } = await attempt(asking);
    if (reply === undefined) waitMs = Math.max(waitMs, LOST_MS_MIN);
    else {
      const answer = verdict(step, reply.error);
      if (answer === 'done') return { verdict: answer, error: undefined };
      if (answer === 'elsewhere') asking.elsewhere();
      else if (answer !== 'again') return { verdict: answer, error: failure(asking, reply) };
    }
    const isOver = clock.nowMs() + waitMs > endMs;
    if (!isOver) await clock.sleep(waitMs, signal);
    if (isOver || signal?.aborted) {
      const reason = reply === undefined ? cause?.message : words(reply);
      throw new ShrikeError('COMMIT_FAILED', `gave up ${asking.what}: ${reason}`, {
        // In any case it passes: what does not is no reason to ask again.
        cause: cause ?? new ShrikeError('LOG_UNAVAILABLE', `${reason}`),
      });
    }
  }
}

async function attempt(asking: Asking): Promise<{ reply?: Reply; cause?: Error }> {
  try {
    return { reply: await asking.once() };
  } catch (error) {
    if (!(error instanceof ShrikeError) || error.code !== 'LOG_UNAVAILABLE') throw error;
    asking.lost();
    asking.elsewhere();
    return { cause: error };
  }
}

function failure(asking: Asking, reply: Reply): ShrikeError {
  const message = `the broker refuses ${asking.what}: ${words(reply)}`;
  if (brokerError(reply.error) === 'INVALID_TRANSACTION_TIMEOUT') {
    const limit = 'kafka.transactionTimeoutMs is above its transaction.max.timeout.ms';
    return new ShrikeError('CONFIG_INVALID', `${message}: ${limit}`);
  }
  switch (verdict(asking.step, reply.error)) {
    case 'fenced':
    case 'outdated':
    case 'expelled':
      return new ShrikeError('COMMIT_FENCED', message);
    case 'not-authorized':
      return new ShrikeError('KAFKA_NOT_AUTHORIZED', message);
    default:
      return new ShrikeError('COMMIT_FAILED', message);
  }
}

function words({ error, reason }: Reply): string {
  return reason ? `${reason} (${brokerError(error)})` : brokerError(error);
}
