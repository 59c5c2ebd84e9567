/** What goes wrong, and when: decided by a seed alone. */
import type { Random } from '../../src/core/random.ts';

export type Fault =
  | { readonly kind: 'kill'; readonly wipe: boolean; readonly downMs: number }
  | { readonly kind: 'freeze'; readonly forMs: number; readonly twin: boolean }
  | { readonly kind: 'restart' }
  | { readonly kind: 'scale'; readonly by: 1 | -1 }
  | { readonly kind: 'broker restart' }
  | { readonly kind: 'broker kill' }
  | { readonly kind: 'broker pause'; readonly forMs: number }
  | { readonly kind: 'store down'; readonly forMs: number }
  | { readonly kind: 'broker cut'; readonly forMs: number }
  | { readonly kind: 'broker slow'; readonly forMs: number; readonly delayMs: number }
  | { readonly kind: 'store cut'; readonly forMs: number };

export interface Step {
  readonly waitMs: number;
  readonly fault: Fault;
  /** Which of the members that run is meant, as a share of their number. */
  readonly who: number;
}

const KINDS = [
  ...['kill', 'kill', 'kill', 'freeze', 'freeze', 'restart', 'scale', 'scale'],
  ...['broker restart', 'broker kill', 'broker pause', 'store down'],
  ...['broker cut', 'broker cut', 'broker slow', 'store cut'],
] as const;

export interface ScheduleOptions {
  readonly random: Random;
  readonly sessionTimeoutMs: number;
  /** Outages last up to so long. */
  readonly outageMsMax: number;
}

/** Endless. */
export function* schedule(options: ScheduleOptions): Generator<Step> {
  const { random } = options;
  for (;;) {
    // Every kind once in each round, in an order of the seed's.
    const round = [...KINDS];
    while (round.length > 0) {
      const [kind] = round.splice(random.int(round.length), 1);
      yield {
        waitMs: 300 + random.int(1700),
        fault: faultOf(kind as (typeof KINDS)[number], options),
        who: random.next(),
      };
    }
  }
}

function faultOf(
  kind: (typeof KINDS)[number],
  { random, sessionTimeoutMs, outageMsMax }: ScheduleOptions,
): Fault {
  const forMs = 500 + random.int(outageMsMax);
  switch (kind) {
    case 'kill':
      return { kind, wipe: random.chance(1 / 2), downMs: random.int(2 * sessionTimeoutMs) };
    case 'freeze':
      return {
        kind,
        forMs: sessionTimeoutMs + 1000 + random.int(2000),
        twin: random.chance(1 / 2),
      };
    case 'scale':
      return { kind, by: random.chance(1 / 2) ? 1 : -1 };
    case 'restart':
    case 'broker restart':
    case 'broker kill':
      return { kind };
    case 'broker slow':
      return { kind, forMs, delayMs: 20 + random.int(200) };
    default:
      return { kind, forMs };
  }
}
