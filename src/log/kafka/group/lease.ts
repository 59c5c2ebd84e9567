/**
 * How long this member may believe that it is one. The broker counts the session from when a
 * request arrives, which is after it was sent: counted from there, the member's own end of the
 * session comes before the broker's. It ends a tenth earlier still, so that a busy member has let
 * go, too, before another one is given its partitions.
 */
import type { Clock } from '../../../core/clock.ts';

const SHARE_OF_SESSION = 0.9;

export class Lease {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #renewedMs: number;

  constructor(clock: Clock, sessionTimeoutMs: number) {
    this.#clock = clock;
    this.#lengthMs = sessionTimeoutMs * SHARE_OF_SESSION;
    this.#renewedMs = clock.nowMs();
  }

  /** `sentMs`: when the request was sent that the coordinator has accepted. */
  renew(sentMs: number): void {
    this.#renewedMs = Math.max(this.#renewedMs, sentMs);
  }

  get leftMs(): number {
    return this.#renewedMs + this.#lengthMs - this.#clock.nowMs();
  }

  get isExpired(): boolean {
    return this.leftMs <= 0;
  }
}
