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

/** Entries in order; the bytes are views into `packed`. */
export function* unpackActors(packed: PackedActors): Generator<readonly [ActorKey, Uint8Array]> {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 0;
  while (at < packed.byteLength) {
    const key = view.getFloat64(at, true);
    const end = at + ENTRY_HEADER_BYTES + view.getUint32(at + 8, true);
    assert(end <= packed.byteLength, 'packed actors end where their last entry does');
    yield [key, packed.subarray(at + ENTRY_HEADER_BYTES, end)];
    at = end;
  }
}
