/** Packed actors as the parts of a checkpoint: cut where one ends, joined where they are small. */
import { assert } from '../src/core/assert.ts';
import { packActors } from '../src/core/packed-actors.ts';
import type { PackedActors } from '../src/core/state.ts';

/** As in `src/core/packed-actors.ts`: f64 key, u32 length. */
const ENTRY_HEADER_BYTES = packActors([[0, new Uint8Array(0)]]).byteLength;
/**
 * Blocks of a scan are joined up to here and not to the limit: a copy of 16 MiB takes 4 ms in one
 * go.
 */
const JOINED_BYTES_MAX = 4 << 20;

/** Actors back to back, as a view, with their number. */
export interface ActorBlock {
  readonly actors: PackedActors;
  readonly count: number;
}

/** @returns undefined when the bytes are not packed actors in ascending order. */
export function countActors(actors: PackedActors): number | undefined {
  const view = new DataView(actors.buffer, actors.byteOffset, actors.byteLength);
  let count = 0;
  let previous = -1;
  for (let at = 0; at < actors.byteLength; count++) {
    if (at + ENTRY_HEADER_BYTES > actors.byteLength) return undefined;
    const key = view.getFloat64(at, true);
    at += ENTRY_HEADER_BYTES + view.getUint32(at + 8, true);
    if (!(key > previous) || at > actors.byteLength) return undefined;
    previous = key;
  }
  return count;
}

/**
 * Cuts packed actors where one ends, so that no block is above the limit unless one actor alone is.
 */
export function* splitActors(actors: PackedActors, bytesMax: number): Generator<ActorBlock> {
  const view = new DataView(actors.buffer, actors.byteOffset, actors.byteLength);
  let start = 0;
  let count = 0;
  for (let end = 0; end < actors.byteLength; count++) {
    const next = end + ENTRY_HEADER_BYTES + view.getUint32(end + 8, true);
    assert(next <= actors.byteLength, 'packed actors end where their last entry does');
    if (next - start > bytesMax && count > 0) {
      yield { actors: actors.subarray(start, end), count };
      start = end;
      count = 0;
    }
    end = next;
  }
  if (count > 0) yield { actors: actors.subarray(start), count };
}

/** Joins the small blocks of a scan and cuts those above `bytesMax`; holds one at a time. */
export async function* regroupActors(
  blocks: AsyncIterable<PackedActors>,
  bytesMax: number,
): AsyncGenerator<ActorBlock> {
  let waiting: ActorBlock[] = [];
  let waitingBytes = 0;
  const joinedMax = Math.min(bytesMax, JOINED_BYTES_MAX);
  let previous = -1;
  for await (const scanned of blocks) {
    for (const block of splitActors(scanned, bytesMax)) {
      const first = new DataView(block.actors.buffer, block.actors.byteOffset).getFloat64(0, true);
      assert(first > previous, 'the blocks of a scan ascend by key');
      previous = first;
      if (waitingBytes + block.actors.byteLength > joinedMax && waiting.length > 0) {
        yield joined(waiting, waitingBytes);
        waiting = [];
        waitingBytes = 0;
      }
      waiting.push(block);
      waitingBytes += block.actors.byteLength;
    }
  }
  if (waiting.length > 0) yield joined(waiting, waitingBytes);
}

function joined(blocks: readonly ActorBlock[], bytes: number): ActorBlock {
  const only = blocks.length === 1 ? blocks[0] : undefined;
  if (only !== undefined) return only;
  const actors = new Uint8Array(bytes);
  let at = 0;
  let count = 0;
  for (const block of blocks) {
    actors.set(block.actors, at);
    at += block.actors.byteLength;
    count += block.count;
  }
  return { actors, count };
}
