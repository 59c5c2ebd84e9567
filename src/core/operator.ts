/**
 * What an operator is: the file most people will write.
 *
 * O1  `step` is a pure function of (state, event, time): no clock, no randomness, no I/O, no await.
 * O2  `step` reads the state left by earlier events, writes its features, then advances the state.
 * O3  decode(encode(state)) behaves as state does, and encode gives equal values for equal states.
 * O4  Memory of one state is bounded by the events inside its windows.
 * O5  migrations[v](downgrades[v](encoded)) equals encoded: while a group writes an older version,
 *     an actor may go through that form at any time, and nothing may depend on when.
 */

/**
 * Event time for one key, in minutes since 1970-01-01T00:00: clamped, so that it never goes back.
 */
export interface KeyTime {
  /** max(time of this event, `last`). */
  now: number;
  /** Of the key's event before this one; -1 for its first (event times are >= 0). */
  last: number;
}

/** An operator's window on the feature row of the current event. */
export interface Features {
  /** Writes the operator's k-th feature (position in `features`), rounded to float32. */
  set(k: number, value: number): void;
}

export interface Operator<E, S, Key extends string = string> {
  /** Stable: it names the slice in stored state. */
  readonly name: string;
  /** Whose state it keeps. */
  readonly key: Key;
  /** Version of the encoded state, from 1. */
  readonly version: number;
  /** Names of the features it yields, in the order of `set`. */
  readonly features: readonly string[];
  create(): S;
  step(state: S, event: E, time: KeyTime, out: Features): void;
  /** A value for msgpack: numbers, strings, booleans, null, and arrays of these. */
  encode(state: S): unknown;
  /** @throws on what `encode` cannot have written. */
  decode(encoded: unknown): S;
  /** migrations[v] turns what version v encoded into what version v + 1 does. */
  readonly migrations: Readonly<Record<number, (encoded: unknown) => unknown>>;
  /**
   * downgrades[v] turns what version v + 1 encodes into what version v does (O5); kept for one
   * release, so that it can be rolled back.
   */
  readonly downgrades?: Readonly<Record<number, (encoded: unknown) => unknown>>;
}

/**
 * Features of the event alone, or of the event and what is known of its key (profiles): no state.
 */
export interface Enricher<E, P = unknown> {
  readonly name: string;
  readonly features: readonly string[];
  enrich(event: E, profile: P, out: Features): void;
}
