/**
 * A flow: what happens to a record from decoding to its outputs, as one expression. The engine runs
 * flows; it does not know what a card is.
 *
 *   flow(decode).keyBy({ user: (p) => p.user, card: (p) => p.card }, (p) => p.minute)
 *     .apply(velocity).apply(geoDrift).enrich(profile).score().decide(alerts)
 */
import { assert } from './assert.ts';
import type { ErrorCode } from './errors.ts';
import type { ActorKey, Offset } from './ids.ts';
import type { Enricher, Features, KeyTime, Operator } from './operator.ts';
import type { PackedRecords } from './records.ts';

/** A record that cannot be used, and why. */
export interface Reject {
  /** Position in the batch. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly reason: string;
}

/**
 * events[i] is undefined exactly for the indexes in `rejects`, which ascend (and for records before
 * `first`).
 */
export interface Decoded<E> {
  readonly events: readonly (E | undefined)[];
  readonly rejects: readonly Reject[];
}

/** Decodes records [first, count) of a packed batch; never throws for what a record holds. */
export interface Decode<E> {
  (records: PackedRecords, first: number): Decoded<E>;
  /**
   * Nobody uses these events any more: the decoder may fill them anew, instead of leaving the
   * garbage collector an object a record. Telling it is optional, and so is doing something about
   * it.
   */
  release?(events: readonly E[]): void;
}

/** keys[i] is record i's actor key; -1 exactly for `rejects`, and for records before `first`. */
export interface KeysRead {
  readonly keys: Float64Array;
  readonly rejects: readonly Reject[];
}

/** Tells whose records [first, count) are, and nothing else; never throws for what one holds. */
export type ReadKeys = (records: PackedRecords, first: number) => KeysRead;

/**
 * values[i] is the object that record i holds; undefined for `rejects` and for records before
 * `first`.
 */
export interface ParsedBatch {
  readonly values: readonly (object | undefined)[];
  readonly rejects: readonly Reject[];
}

/**
 * A codec: bytes to objects whose fields nobody has checked. Never throws for what a record holds.
 */
export type ParseBatch = (records: PackedRecords, first: number) => ParsedBatch;

/** One key's part of an actor: its clock and a state for each operator of that key. */
export interface KeySlot {
  /** Event minute of the key's last event; -1 before the first. */
  last: number;
  readonly states: unknown[];
}

/** The unit of state: one actor key, with the slots of its sub-keys (R1: a user with its cards). */
export interface ActorState {
  readonly root: KeySlot;
  readonly subs: Map<number, KeySlot>;
}

/**
 * Facts about profiles: fed by the profile topics, read by enrichers; versions go out with each
 * output.
 */
export interface Profiles<E, P> {
  /** Topics to read to their end before the first event is scored. */
  readonly topics: readonly string[];
  /** Applies one batch of a profile topic. @returns the records that could not be used. */
  apply(
    topic: string,
    records: PackedRecords,
    baseOffset: Offset,
    first: number,
  ): readonly Reject[];
  /**
   * Tells whom `of` will be asked about next: the misses of many look-ups can be under way at once,
   * and those of `of` come one after the other. Changes nothing else.
   */
  prefetch?(events: readonly E[]): void;
  /** What is known for this event; the object may be reused by the next call. */
  of(event: E): P;
  /** Versions behind `of(event)`: topic offsets, or null where nothing is known. */
  versions(event: E): Readonly<Record<string, number | null>>;
}

/** What is written down with every decision, so that it can be recomputed bit for bit. */
export interface ModelFacts {
  readonly modelId: string;
  readonly threshold: number;
  readonly featureSet: string;
}

export interface ScoredEvent<E> {
  readonly event: E;
  readonly score: number;
  /** The event's row, in the model's order. A view that the next event reuses. */
  readonly features: Float32Array;
  readonly topic: string;
  readonly partition: number;
  readonly offset: Offset;
  readonly profileVersions: () => Readonly<Record<string, number | null>>;
}

export type Emit = (topic: string, key: string, value: string | Uint8Array) => void;

/** Turns a scored event into outputs. Pure. */
export interface Decide<E> {
  /** Topics it may emit to. */
  readonly topics: readonly string[];
  decide(scored: ScoredEvent<E>, model: ModelFacts, emit: Emit): void;
}

type AnyOperator<E> = Operator<E, never>;
type Keys<E> = Readonly<Record<string, (event: E) => number>>;

/** A finished flow: plain facts for the engine. */
export interface Flow<E> {
  readonly decode: Decode<E>;
  /** The first key is the actor's; a second, if any, lies within it. */
  readonly keyNames: readonly string[];
  readonly actorKey: (event: E) => ActorKey;
  readonly subKey: ((event: E) => number) | undefined;
  readonly minute: (event: E) => number;
  readonly operators: readonly AnyOperator<E>[];
  readonly enrichers: readonly Enricher<E>[];
  readonly decide: Decide<E>;
  /** All features, in the order in which operators and enrichers yield them. */
  readonly featureNames: readonly string[];
  /** Names and versions of all operators: what stored state depends on. */
  readonly stateSchema: readonly OperatorVersion[];
  /** Rises by one with each release whose `stateSchema` differs: `state-level.ts`. */
  readonly stateLevel: number;
}

export interface OperatorVersion {
  readonly name: string;
  readonly key: string;
  readonly version: number;
}

class FlowBuilder<E, K extends string> {
  readonly #decode: Decode<E>;
  readonly #stateLevel: number;
  readonly #keys: Record<K, (event: E) => number>;
  readonly #minute: (event: E) => number;
  readonly #operators: AnyOperator<E>[] = [];
  readonly #enrichers: Enricher<E>[] = [];

  constructor(
    { decode, stateLevel }: Pick<Flow<E>, 'decode' | 'stateLevel'>,
    keys: Record<K, (event: E) => number>,
    minute: (event: E) => number,
  ) {
    this.#decode = decode;
    this.#stateLevel = stateLevel;
    this.#keys = keys;
    this.#minute = minute;
  }

  apply<S>(operator: Operator<E, S, K>): this {
    assert(operator.key in this.#keys, `operator ${operator.name} has a key of the flow`);
    this.#operators.push(operator as unknown as AnyOperator<E>);
    return this;
  }

  enrich<P>(enricher: Enricher<E, P>): this {
    this.#enrichers.push(enricher);
    return this;
  }

  /** Ends the flow: every event is scored by the model, then decided on. */
  score(): { decide(decide: Decide<E>): Flow<E> } {
    return { decide: (decide) => this.#finish(decide) };
  }

  #finish(decide: Decide<E>): Flow<E> {
    const keyNames = Object.keys(this.#keys) as K[];
    assert(
      keyNames.length === 1 || keyNames.length === 2,
      'a flow has an actor key and at most one key within it',
    );
    const operators = this.#operators;
    const names = [...operators, ...this.#enrichers].flatMap((o) => o.features);
    assert(new Set(names).size === names.length, 'feature names are unique');
    assert(
      new Set(operators.map((o) => o.name)).size === operators.length,
      'operator names are unique',
    );
    return {
      decode: this.#decode,
      keyNames,
      actorKey: this.#keys[keyNames[0] as K],
      subKey: keyNames[1] === undefined ? undefined : this.#keys[keyNames[1]],
      minute: this.#minute,
      operators,
      enrichers: this.#enrichers,
      decide,
      featureNames: names,
      stateSchema: operators.map(({ name, key, version }) => ({ name, key, version })),
      stateLevel: this.#stateLevel,
    };
  }
}

export function flow<E>(
  decode: Decode<E>,
  stateLevel = 1,
): {
  keyBy<const M extends Keys<E>>(
    keys: M,
    minute: (event: E) => number,
  ): FlowBuilder<E, keyof M & string>;
} {
  return { keyBy: (keys, minute) => new FlowBuilder({ decode, stateLevel }, keys, minute) };
}

/** Writes features to their place in the row of the model's order. */
class FeatureRow implements Features {
  rows: Float32Array = new Float32Array(0);
  row = 0;
  slots: Int32Array = new Int32Array(0);

  set(k: number, value: number): void {
    this.rows[this.row + (this.slots[k] as number)] = value;
  }
}

interface BoundOperator<E> {
  readonly step: (state: unknown, event: E, time: KeyTime, out: Features) => void;
  readonly create: () => unknown;
  readonly slots: Int32Array;
}

/**
 * A flow bound to a model's feature order: the fold of the log. The same object runs live, in
 * replay, in a backtest and for training data.
 */
export class Stepper<E> {
  readonly flow: Flow<E>;
  readonly width: number;
  readonly #root: readonly BoundOperator<E>[];
  readonly #sub: readonly BoundOperator<E>[];
  readonly #enrichers: readonly { readonly enricher: Enricher<E>; readonly slots: Int32Array }[];
  readonly #out = new FeatureRow();
  readonly #time: KeyTime = { now: 0, last: -1 };

  /**
   * @param order the model's features; each must be yielded by the flow (checked when a bundle is
   * loaded).
   */
  constructor(flow: Flow<E>, order: readonly string[] = flow.featureNames) {
    const place = new Map(order.map((name, i) => [name, i]));
    const slots = (names: readonly string[]) =>
      Int32Array.from(names, (name) => {
        const at = place.get(name);
        assert(at !== undefined, `feature ${name} has a place in the row`);
        return at;
      });
    const bind = (key: string | undefined): BoundOperator<E>[] =>
      flow.operators
        .filter((o) => o.key === key)
        .map((o) => ({
          step: o.step as never,
          create: o.create.bind(o),
          slots: slots(o.features),
        }));
    this.flow = flow;
    this.width = order.length;
    this.#root = bind(flow.keyNames[0]);
    this.#sub = flow.subKey === undefined ? [] : bind(flow.keyNames[1]);
    this.#enrichers = flow.enrichers.map((enricher) => ({
      enricher,
      slots: slots(enricher.features),
    }));
  }

  createActor(): ActorState {
    return { root: createSlot(this.#root), subs: new Map() };
  }

  /** One step of the fold; features of operators go to row `index` of `rows`. */
  step(actor: ActorState, event: E, rows: Float32Array, index: number): void {
    const { flow } = this;
    const out = this.#out;
    out.rows = rows;
    out.row = index * this.width;
    const minute = flow.minute(event);
    this.#stepSlot(actor.root, this.#root, event, minute);
    if (flow.subKey === undefined) return;
    const subKey = flow.subKey(event);
    let slot = actor.subs.get(subKey);
    if (slot === undefined) {
      slot = createSlot(this.#sub);
      actor.subs.set(subKey, slot);
    }
    this.#stepSlot(slot, this.#sub, event, minute);
  }

  /** Features that need no state: not part of the fold, so replay leaves them out. */
  enrich(event: E, profile: unknown, rows: Float32Array, index: number): void {
    const out = this.#out;
    out.rows = rows;
    out.row = index * this.width;
    for (const { enricher, slots } of this.#enrichers) {
      out.slots = slots;
      enricher.enrich(event, profile, out);
    }
  }

  #stepSlot(slot: KeySlot, operators: readonly BoundOperator<E>[], event: E, minute: number): void {
    const time = this.#time;
    time.last = slot.last;
    time.now = minute > slot.last ? minute : slot.last;
    for (let i = 0; i < operators.length; i++) {
      const operator = operators[i] as BoundOperator<E>;
      this.#out.slots = operator.slots;
      operator.step(slot.states[i], event, time, this.#out);
    }
    slot.last = time.now;
  }
}

function createSlot<E>(operators: readonly BoundOperator<E>[]): KeySlot {
  return { last: -1, states: operators.map((o) => o.create()) };
}
