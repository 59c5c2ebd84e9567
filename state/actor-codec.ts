/**
 * Actors as bytes:
 *
 *   u8 format version   u32 schema id (little-endian)   msgpack of
 *   [root last, [root states…], [[sub-key, last, [states…]]… ascending by sub-key]]
 *
 * Equal actors give equal bytes (the digest rests on it): numbers are packed by value alone,
 * records and shared structures are off, and sub-keys are sorted.
 */
import { Packr, RESERVE_START_SPACE } from 'msgpackr';
import { ShrikeError } from '../src/core/errors.ts';
import type { ActorState, KeySlot } from '../src/core/flow.ts';
import type { ActorKey } from '../src/core/ids.ts';
import {
  type MigrationPlan,
  migrateStates,
  planMigration,
  type SlotPlan,
  type StateFlow,
  type StateOperator,
} from './migration.ts';
import { type Schemas, sameSchema, schemaId, schemaName } from './schema.ts';

const FORMAT_VERSION = 1;
const HEADER_BYTES = 5;

type StoredSlot = readonly [last: number, states: readonly unknown[]];
type StoredSub = readonly [key: number, last: number, states: readonly unknown[]];
type StoredActor = readonly [...root: StoredSlot, subs: readonly StoredSub[]];

export class ActorCodec {
  readonly #flow: StateFlow;
  readonly #schemaId: number;
  readonly #root: readonly StateOperator[];
  readonly #sub: readonly StateOperator[];
  readonly #plans = new Map<number, MigrationPlan>();
  readonly #packr = new Packr({ useRecords: false });
  readonly #from = { start: HEADER_BYTES, end: 0 };

  constructor(flow: StateFlow) {
    const [rootKey, subKey] = flow.keyNames;
    this.#flow = flow;
    this.#schemaId = schemaId(flow.stateSchema);
    this.#root = flow.operators.filter((o) => o.key === rootKey);
    this.#sub = flow.operators.filter((o) => o.key === subKey);
  }

  /** The dictionary for a store's next meta: what its entries may be written in from now on. */
  schemasWith(stored: Schemas): Schemas {
    const name = schemaName(this.#schemaId);
    const known = stored[name];
    if (known !== undefined && !sameSchema(known, this.#flow.stateSchema)) {
      throw new ShrikeError(
        'STATE_SCHEMA_UNKNOWN',
        `two schemas share the id ${name}; raise the version of any operator to tell them apart`,
      );
    }
    return known === undefined ? { ...stored, [name]: this.#flow.stateSchema } : stored;
  }

  /** Refuses a dictionary that this flow cannot read, before the first actor is needed. */
  check(schemas: Schemas): void {
    for (const name of Object.keys(schemas)) this.#plan(Number.parseInt(name, 16), schemas);
  }

  encode(actor: ActorState): Uint8Array {
    const subs: StoredSub[] = [];
    let previous = -Infinity;
    let sorted = true;
    for (const [key, slot] of actor.subs) {
      sorted &&= key > previous;
      previous = key;
      subs.push([key, slot.last, encodeStates(this.#sub, slot)]);
    }
    if (!sorted) subs.sort((a, b) => a[0] - b[0]);
    const stored: StoredActor = [actor.root.last, encodeStates(this.#root, actor.root), subs];
    const bytes = this.#packr.pack(stored, RESERVE_START_SPACE + HEADER_BYTES);
    bytes[0] = FORMAT_VERSION;
    bytes.writeUInt32LE(this.#schemaId, 1);
    return bytes;
  }

  /** @throws STATE_SCHEMA_UNKNOWN, STATE_CORRUPT naming the actor */
  decode(key: ActorKey, bytes: Uint8Array, schemas: Schemas): ActorState {
    const version = bytes[0];
    if (version === undefined || bytes.byteLength < HEADER_BYTES) {
      throw new ShrikeError('STATE_CORRUPT', `actor ${key} has only ${bytes.byteLength} bytes`);
    }
    if (version !== FORMAT_VERSION) {
      throw new ShrikeError(
        'STATE_SCHEMA_UNKNOWN',
        `actor ${key} is stored in format ${version}; this program reads format ${FORMAT_VERSION}`,
      );
    }
    const id = idOf(bytes);
    const plan = id === this.#schemaId ? undefined : this.#plan(id, schemas);
    try {
      this.#from.end = bytes.byteLength;
      const stored = this.#packr.unpack(bytes, this.#from) as StoredActor;
      return plan === undefined ? this.#revive(stored) : migrate(plan, stored);
    } catch (cause) {
      throw new ShrikeError('STATE_CORRUPT', `actor ${key} cannot be decoded`, { cause });
    }
  }

  #revive([last, states, stored]: StoredActor): ActorState {
    const subs = new Map<number, KeySlot>();
    for (let i = 0; i < stored.length; i++) {
      const [key, subLast, subStates] = stored[i] as StoredSub;
      subs.set(key, { last: subLast, states: decodeStates(this.#sub, subStates) });
    }
    return { root: { last, states: decodeStates(this.#root, states) }, subs };
  }

  #plan(id: number, schemas: Schemas): MigrationPlan {
    const known = this.#plans.get(id);
    if (known !== undefined) return known;
    const schema = schemas[schemaName(id)];
    if (schema === undefined) {
      throw new ShrikeError(
        'STATE_SCHEMA_UNKNOWN',
        `an actor is stored with schema ${schemaName(id)}, which the store does not list`,
      );
    }
    const plan = planMigration(this.#flow, schema);
    this.#plans.set(id, plan);
    return plan;
  }
}

function idOf(bytes: Uint8Array): number {
  const [, a = 0, b = 0, c = 0, d = 0] = bytes;
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

function encodeStates(operators: readonly StateOperator[], slot: KeySlot): unknown[] {
  const encoded: unknown[] = new Array(operators.length);
  for (let i = 0; i < operators.length; i++) {
    encoded[i] = (operators[i] as StateOperator).encode(slot.states[i] as never);
  }
  return encoded;
}

function decodeStates(operators: readonly StateOperator[], encoded: readonly unknown[]): unknown[] {
  requireCount(encoded, operators.length);
  const states: unknown[] = new Array(operators.length);
  for (let i = 0; i < operators.length; i++) {
    states[i] = (operators[i] as StateOperator).decode(encoded[i]);
  }
  return states;
}

function migrate(plan: MigrationPlan, [last, states, stored]: StoredActor): ActorState {
  const subs = new Map<number, KeySlot>();
  if (plan.sub !== undefined) {
    for (const [key, subLast, subStates] of stored) {
      subs.set(key, { last: subLast, states: migrateSlot(plan.sub, subStates) });
    }
  }
  return { root: { last, states: migrateSlot(plan.root, states) }, subs };
}

function migrateSlot(plan: SlotPlan, encoded: readonly unknown[]): unknown[] {
  requireCount(encoded, plan.storedCount);
  return migrateStates(plan, encoded);
}

function requireCount(encoded: readonly unknown[], count: number): void {
  if (encoded.length === count) return;
  throw new ShrikeError(
    'STATE_CORRUPT',
    `a stored slot has ${encoded.length} states where its schema has ${count} operators`,
  );
}
