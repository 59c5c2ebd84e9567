/**
 * Values that come and go by the thousand, each under a small number of its own for as long as it
 * stays.
 *
 * A Map would do, but for the garbage collector: one that is added to and deleted from outgrows its
 * table again and again, and in V8 each old table points to the next. Once one of them is in the
 * old generation, all that follow are kept alive and copied there, with what was in them.
 */
export class SlotTable<T> {
  readonly #values: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** @returns its number, which may have been another one's before */
  add(value: T): number {
    const slot = this.#free.pop() ?? this.#values.length;
    this.#values[slot] = value;
    return slot;
  }

  /** Takes it out; undefined: nothing is there. */
  take(slot: number): T | undefined {
    const value = this.#values[slot];
    if (value === undefined) return undefined;
    this.#values[slot] = undefined;
    this.#free.push(slot);
    return value;
  }

  takeAll(): T[] {
    const taken = this.#values.filter((value) => value !== undefined);
    this.#values.length = 0;
    this.#free.length = 0;
    return taken;
  }
}
