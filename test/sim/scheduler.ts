/**
 * A world of its own time: every await of the engine that touches the outside passes through a gate
 * here, and the seed decides which gate opens next. What is dead never gets through a gate again.
 */
import type { Clock } from '../../src/core/clock.ts';
import type { Random } from '../../src/core/random.ts';

/** Something that can die: a process, or one of its threads. */
export class Mortal {
  #dead = false;
  readonly #of: Mortal | undefined;

  constructor(of?: Mortal) {
    this.#of = of;
  }

  get dead(): boolean {
    return this.#dead || (this.#of?.dead ?? false);
  }

  die(): void {
    this.#dead = true;
  }
}

interface Pending {
  readonly atMs: number;
  readonly owner: Mortal;
  readonly open: () => void;
}

export class Scheduler {
  readonly #random: Random;
  #pending: Pending[] = [];
  nowMs = 1_700_000_000_000;
  steps = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Resolves in the seed's order; never, once the owner is dead. */
  gate(owner: Mortal, delayMs = this.#random.int(4)): Promise<void> {
    return new Promise((open) => this.#pending.push({ atMs: this.nowMs + delayMs, owner, open }));
  }

  clock(owner: Mortal): Clock {
    return {
      nowMs: () => this.nowMs,
      sleep: (ms, signal) => {
        if (signal === undefined) return this.gate(owner, ms);
        if (signal.aborted) return Promise.resolve();
        return Promise.race([
          this.gate(owner, ms),
          new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => resolve(), { once: true });
          }),
        ]);
      },
      yield: () => this.gate(owner, 0),
    };
  }

  /**
   * Opens one gate, and lets everything that follows from it happen.
   * @returns false: nothing is pending.
   */
  async step(): Promise<boolean> {
    this.#pending = this.#pending.filter(({ owner }) => !owner.dead);
    if (this.#pending.length === 0) return false;
    const due = this.#pending.filter(({ atMs }) => atMs <= this.nowMs);
    let next: Pending;
    if (due.length > 0) next = this.#random.pick(due);
    else next = this.#pending.reduce((a, b) => (b.atMs < a.atMs ? b : a));
    this.nowMs = Math.max(this.nowMs, next.atMs);
    this.#pending.splice(this.#pending.indexOf(next), 1);
    this.steps += 1;
    next.open();
    // Microtasks run before a macrotask does; two turns, for what hands over to another one.
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** Steps until `done`, or fails: a world that stands still or never ends is a finding. */
  async run(done: () => boolean | Promise<boolean>, stepsMax: number): Promise<void> {
    const until = this.steps + stepsMax;
    while (!(await done())) {
      if (this.steps >= until) throw new Error(`not done after ${stepsMax} steps`);
      if (!(await this.step())) throw new Error('nothing is pending, and it is not done');
    }
  }
}

/** A port whose every call waits at a gate before it happens and after it has happened. */
export function gated<T extends object>(
  port: T,
  pass: (method: string, done: boolean) => Promise<void>,
): T {
  return new Proxy(port, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        await pass(String(name), false);
        const result: unknown = await value.apply(target, args);
        await pass(String(name), true);
        return result;
      };
    },
  });
}
