/**
 * Actors as bytes:
 *
 *   u8 format version   u32 schema id (little-endian)   msgpack of
 *   [root last, [root states…], [[sub-key, last, [states…]]… ascending by sub-key]]
 *
 * Equal actors give equal bytes (the digest rests on it): numbers are packed by value alone, and
 * sub-keys are sorted.
 */
import { ShrikeError } from '../src/core/errors.ts';
import type { ActorState, KeySlot } from '../src/core/flow.ts';
import type { ActorKey } from '../src/core/ids.ts';
import { type Span, spanOf } from './byte-arena.ts';
import {
  type MigrationPlan,
  migrateStates,
  planMigration,
  type SlotPlan,
  type StateFlow,
  type StateOperator,
} from './migration.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { type Schema, type Schemas, sameSchema, schemaId, schemaName } from './schema.ts';
import { downgradesTo } from './write-schema.ts';

const FORMAT_VERSION = 1;
const HEADER_BYTES = 5;

const ROOT_PARTS = 3; // last, states, subs
const SUB_PARTS = 3; // sub-key, last, states

/** An operator, and how what it encodes becomes the version that is written. */
interface SlotOperator {
  readonly operator: StateOperator;
  readonly downgrades: readonly ((encoded: unknown) => unknown)[];
}

export class ActorCodec {
  readonly #flow: StateFlow;
  /** In which everything is written; an older one until an upgrade is finalised (U1). */
  readonly #schema: Schema;
  readonly #schemaId: number;
  /** What has this id is read without a migration. */
  readonly #ownId: number;
  readonly #root: readonly SlotOperator[];
  readonly #sub: readonly SlotOperator[];
  readonly #plans = new Map<number, MigrationPlan>();
  readonly #writer = new MsgpackWriter();
  readonly #reader = new MsgpackReader();
  readonly #outside: Span = spanOf(new ArrayBuffer(0));

  /**
   * @param schema of `writeSchemaOf`: the flow's operators, in the versions that are to be written
   * @throws STATE_SCHEMA_UNKNOWN
   */
  constructor(flow: StateFlow, schema: Schema = flow.stateSchema) {
    const [rootKey, subKey] = flow.keyNames;
    this.#flow = flow;
    this.#schema = schema;
    this.#schemaId = schemaId(schema);
    this.#ownId = schemaId(flow.stateSchema);
    const operators = flow.operators.map((operator, i) => ({
      operator,
      downgrades: downgradesTo(operator, schema[i]?.version ?? operator.version),
    }));
    this.#root = operators.filter((o) => o.operator.key === rootKey);
    this.#sub = operators.filter((o) => o.operator.key === subKey);
  }

  /** The dictionary for a store's next meta: what its entries may be written in from now on. */
  schemasWith(stored: Schemas): Schemas {
    const name = schemaName(this.#schemaId);
    const known = stored[name];
    if (known !== undefined && !sameSchema(known, this.#schema)) {
      throw new ShrikeError(
        'STATE_SCHEMA_UNKNOWN',
        `two schemas share the id ${name}; raise the version of any operator to tell them apart`,
      );
    }
    return known === undefined ? { ...stored, [name]: this.#schema } : stored;
  }

  /** Refuses a dictionary that this flow cannot read, before the first actor is needed. */
  check(schemas: Schemas): void {
    for (const name of Object.keys(schemas)) this.#plan(Number.parseInt(name, 16), schemas);
  }

  /** A copy of what `write` gives. */
  encode(actor: ActorState): Uint8Array {
    const { bytes, start, end } = this.write(actor);
    return new Uint8Array(bytes.subarray(start, end));
  }

  /** The encoding in a buffer of the codec's: good until the next call. */
  write(actor: ActorState): Span {
    const writer = this.#writer;
    writer.begin();
    writer.byte(FORMAT_VERSION);
    writer.word(this.#schemaId);
    writer.arrayHead(ROOT_PARTS);
    this.#writeSlot(actor.root, this.#root);
    const { subs } = actor;
    writer.arrayHead(subs.size);
    if (isAscending(subs.keys())) {
      for (const [key, slot] of subs) this.#writeSub(key, slot);
    } else {
      const keys = [...subs.keys()].sort((a, b) => a - b);
      for (const key of keys) this.#writeSub(key, subs.get(key) as KeySlot);
    }
    return writer.span;
  }

  #writeSub(key: number, slot: KeySlot): void {
    this.#writer.arrayHead(SUB_PARTS);
    this.#writer.number(key);
    this.#writeSlot(slot, this.#sub);
  }

  #writeSlot({ last, states }: KeySlot, operators: readonly SlotOperator[]): void {
    const writer = this.#writer;
    writer.number(last);
    writer.arrayHead(operators.length);
    for (let i = 0; i < operators.length; i++) {
      const { operator, downgrades } = operators[i] as SlotOperator;
      let encoded = operator.encode(states[i] as never);
      for (let d = 0; d < downgrades.length; d++) encoded = downgrades[d]?.(encoded);
      writer.value(encoded);
    }
  }

  /** @throws STATE_SCHEMA_UNKNOWN, STATE_CORRUPT naming the actor */
  decode(key: ActorKey, bytes: Uint8Array, schemas: Schemas): ActorState {
    const { buffer, byteOffset, byteLength } = bytes;
    const span = this.#outside;
    span.bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    span.view = new DataView(buffer, byteOffset, byteLength);
    span.end = byteLength;
    return this.read(key, span, schemas);
  }

  /** As `decode`, of bytes where they lie. */
  read(key: ActorKey, span: Span, schemas: Schemas): ActorState {
    const { bytes, view, start, end } = span;
    if (end - start < HEADER_BYTES) {
      throw new ShrikeError('STATE_CORRUPT', `actor ${key} has only ${end - start} bytes`);
    }
    const version = bytes[start];
    if (version !== FORMAT_VERSION) {
      throw new ShrikeError(
        'STATE_SCHEMA_UNKNOWN',
        `actor ${key} is stored in format ${version}; this program reads format ${FORMAT_VERSION}`,
      );
    }
    const id = view.getUint32(start + 1, true);
    const plan = id === this.#ownId ? undefined : this.#plan(id, schemas);
    try {
      this.#reader.begin(span, start + HEADER_BYTES);
      return this.#readActor(plan);
    } catch (cause) {
      throw new ShrikeError('STATE_CORRUPT', `actor ${key} cannot be decoded`, { cause });
    }
  }

  #readActor(plan: MigrationPlan | undefined): ActorState {
    const reader = this.#reader;
    requireParts(reader.arrayHead(), ROOT_PARTS);
    const last = reader.number();
    const states = plan ? migrateSlot(plan.root, reader.value()) : this.#readStates(this.#root);
    const subs = new Map<number, KeySlot>();
    for (let left = reader.arrayHead(); left > 0; left--) {
      requireParts(reader.arrayHead(), SUB_PARTS);
      const key = reader.number();
      const last = reader.number();
      if (plan === undefined) subs.set(key, { last, states: this.#readStates(this.#sub) });
      else {
        const encoded = reader.value();
        if (plan.sub !== undefined) subs.set(key, { last, states: migrateSlot(plan.sub, encoded) });
      }
    }
    reader.finish();
    return { root: { last, states }, subs };
  }

  #readStates(operators: readonly SlotOperator[]): unknown[] {
    const reader = this.#reader;
    requireCount(reader.arrayHead(), operators.length);
    const states: unknown[] = new Array(operators.length);
    for (let i = 0; i < operators.length; i++) {
      states[i] = (operators[i] as SlotOperator).operator.decode(reader.value());
    }
    return states;
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

function isAscending(keys: Iterable<number>): boolean {
  let previous = -Infinity;
  for (const key of keys) {
    if (key < previous) return false;
    previous = key;
  }
  return true;
}

function migrateSlot(plan: SlotPlan, encoded: unknown): unknown[] {
  if (!Array.isArray(encoded)) throw new ShrikeError('STATE_CORRUPT', 'a stored slot is no array');
  requireCount(encoded.length, plan.storedCount);
  return migrateStates(plan, encoded);
}

function requireParts(count: number, expected: number): void {
  if (count === expected) return;
  throw new ShrikeError('STATE_CORRUPT', `a stored list has ${count} parts, not ${expected}`);
}

function requireCount(count: number, expected: number): void {
  if (count === expected) return;
  throw new ShrikeError(
    'STATE_CORRUPT',
    `a stored slot has ${count} states where its schema has ${expected} operators`,
  );
}
