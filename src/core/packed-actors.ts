/**
 * Actors packed for the disk and the object store: entries back to back, ascending by key.
 *   f64 key   u32 length   bytes
 * Little-endian. The order makes segments mergeable, and equal states equal bytes.
 */
import { assert } from './assert.ts';
import type { ActorKey } from './ids.ts';
import type { PackedActors } from './state.ts';

const ENTRY_HEADER_BYTES = 12;

export function packActors(entries: readonly (readonly [ActorKey, Uint8Array])[]): PackedActors {
  let length = 0;
  for (const [, bytes] of entries) length += ENTRY_HEADER_BYTES + bytes.byteLength;
  const packed = new Uint8Array(new ArrayBuffer(length));
  const view = new DataView(packed.buffer);
  let at = 0;
  let previous = -1;
  for (const [key, bytes] of entries) {
    assert(key > previous, 'packed actors ascend by key');
    previous = key;
    view.setFloat64(at, key, true);
    view.setUint32(at + 8, bytes.byteLength, true);
    packed.set(bytes, at + ENTRY_HEADER_BYTES);
    at += ENTRY_HEADER_BYTES + bytes.byteLength;
  }
  return packed;
}

/** Walks over entries without making an object for each. */
export class PackedCursor {
  readonly #packed: PackedActors;
  readonly #view: DataView;
  key: ActorKey = -1;
  /** The actor's bytes, [start, end) within the packed ones. */
  start = 0;
  end = 0;

  constructor(packed: PackedActors) {
    this.#packed = packed;
    this.#view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  }

  /** Moves to the next entry. @returns false when there is none */
  next(): boolean {
    const at = this.end;
    if (at >= this.#packed.byteLength) return false;
    this.key = this.#view.getFloat64(at, true);
    this.start = at + ENTRY_HEADER_BYTES;
    this.end = this.start + this.#view.getUint32(at + 8, true);
    assert(this.end <= this.#packed.byteLength, 'packed actors end where their last entry does');
    return true;
  }
}

/** Entries in order; the bytes are views into `packed`. */
export function* unpackActors(packed: PackedActors): Generator<readonly [ActorKey, Uint8Array]> {
  const cursor = new PackedCursor(packed);
  while (cursor.next()) yield [cursor.key, packed.subarray(cursor.start, cursor.end)];
}
