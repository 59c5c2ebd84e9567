/**
 * A segment object: 16 bytes of header, then packed actors, compressed.
 *   "SHKS"   u8 version   u8 codec (1: brotli)   u16 0   u32 actors   u32 bytes when uncompressed
 * Little-endian. The manifest holds the SHA-256 of the whole object.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import {
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  constants,
} from 'node:zlib';
import { assert } from '../src/core/assert.ts';
import type { Clock } from '../src/core/clock.ts';
import { packActors, unpackActors } from '../src/core/packed-actors.ts';
import type { PackedActors } from '../src/core/state.ts';

const HEADER_BYTES = 16;
const MAGIC = 0x534b4853; // "SHKS"
const VERSION = 1;
const CODEC_BROTLI = 1;
/** Half a millisecond of SHA-256: what the thread's other work may have to wait. */
const HASH_SLICE_BYTES = 256 << 10;
/** Below this a trip to the thread pool costs more than the compression, and the order stays the same. */
const INLINE_BYTES_MAX = 64 << 10;
// 2.6 MB of actors (2 cores, Node.js 20): brotli 0 to 44 % at 255 MB/s, brotli 1 to 41 % at 164 MB/s,
// deflate 1 to 40 % at 120 MB/s, deflate 6 to 36 % at 24 MB/s; all of them read at about 270 MB/s.
// The CPU is dearer than 10 % of the bytes: an hour of checkpoints is compressed once and mostly never read.
const BROTLI = { chunkSize: 1 << 20, params: { [constants.BROTLI_PARAM_QUALITY]: 0 } };

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

export interface Segment {
  readonly body: Uint8Array;
  readonly sha256: string;
  readonly actorCount: number;
}

/** Actors back to back, as a view, with their number. */
export interface ActorBlock {
  readonly actors: PackedActors;
  readonly count: number;
}

export async function encodeSegment(block: ActorBlock, clock: Clock): Promise<Segment> {
  const { actors, count } = block;
  const packed =
    actors.byteLength <= INLINE_BYTES_MAX
      ? brotliCompressSync(actors, BROTLI)
      : await compress(actors, BROTLI);
  const body = new Uint8Array(HEADER_BYTES + packed.byteLength);
  const header = new DataView(body.buffer);
  header.setUint32(0, MAGIC, true);
  header.setUint8(4, VERSION);
  header.setUint8(5, CODEC_BROTLI);
  header.setUint32(8, count, true);
  header.setUint32(12, actors.byteLength, true);
  body.set(packed, HEADER_BYTES);
  return { body, sha256: await sha256Of(body, clock), actorCount: count };
}

/** What differs from the manifest, in words for a message. */
export interface SegmentDamage {
  readonly damage: string;
}

export interface ExpectedSegment {
  readonly bytes: number;
  readonly sha256: string;
  readonly actorCount: number;
}

export async function decodeSegment(
  body: Uint8Array,
  expected: ExpectedSegment,
  clock: Clock,
): Promise<PackedActors | SegmentDamage> {
  if (body.byteLength !== expected.bytes) {
    return { damage: `it has ${body.byteLength} bytes instead of ${expected.bytes}` };
  }
  const sha256 = await sha256Of(body, clock);
  if (sha256 !== expected.sha256) {
    return { damage: `its sha256 is ${sha256} instead of ${expected.sha256}` };
  }
  if (body.byteLength < HEADER_BYTES) return { damage: 'it is shorter than its header' };
  const header = new DataView(body.buffer, body.byteOffset, body.byteLength);
  if (header.getUint32(0, true) !== MAGIC) return { damage: 'it is not a segment (no "SHKS")' };
  const format = `${header.getUint8(4)}.${header.getUint8(5)}`;
  if (format !== `${VERSION}.${CODEC_BROTLI}`) {
    return { damage: `it has format ${format}; this program reads ${VERSION}.${CODEC_BROTLI}` };
  }
  const length = header.getUint32(12, true);
  return unpackPayload(body.subarray(HEADER_BYTES), length, expected.actorCount);
}

async function unpackPayload(
  payload: Uint8Array,
  length: number,
  actorCount: number,
): Promise<PackedActors | SegmentDamage> {
  let actors: Uint8Array;
  try {
    // One byte more than promised is an error of the object, and a bomb stays a small one.
    const limits = { chunkSize: 1 << 20, maxOutputLength: length + 1 };
    const buffer =
      length <= INLINE_BYTES_MAX
        ? brotliDecompressSync(payload, limits)
        : await decompress(payload, limits);
    // Not a Buffer: its `slice` is a view, that of a Uint8Array a copy.
    actors = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (error) {
    return { damage: `it does not decompress: ${(error as Error).message}` };
  }
  if (actors.byteLength !== length) {
    return { damage: `it holds ${actors.byteLength} bytes of actors instead of ${length}` };
  }
  const count = countActors(actors);
  return count === actorCount
    ? actors
    : { damage: `it holds ${count ?? 'damaged'} actors instead of ${actorCount}` };
}

/** @returns undefined when the bytes are not packed actors in ascending order. */
function countActors(actors: PackedActors): number | undefined {
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

/** As in `src/core/packed-actors.ts`: f64 key, u32 length. */
const ENTRY_HEADER_BYTES = packActors([[0, new Uint8Array(0)]]).byteLength;

/** SHA-256 in slices: 16 MiB in one go would hold up the payments of this thread for 30 ms. */
async function sha256Of(bytes: Uint8Array, clock: Clock): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.byteLength; at += HASH_SLICE_BYTES) {
    if (at > 0) await clock.yield();
    hash.update(bytes.subarray(at, at + HASH_SLICE_BYTES));
  }
  return hash.digest('hex');
}

/** Cuts packed actors where one ends, so that no block is above the limit unless one actor alone is. */
export function* splitActors(actors: PackedActors, bytesMax: number): Generator<ActorBlock> {
  let start = 0;
  let end = 0;
  let count = 0;
  for (const [, bytes] of unpackActors(actors)) {
    const next = end + ENTRY_HEADER_BYTES + bytes.byteLength;
    if (next - start > bytesMax && count > 0) {
      yield { actors: actors.subarray(start, end), count };
      start = end;
      count = 0;
    }
    end = next;
    count++;
  }
  if (count > 0) yield { actors: actors.subarray(start, end), count };
}

/** Joins the small blocks of a scan and cuts the large ones; holds one block of `bytesMax` at a time. */
export async function* regroupActors(
  blocks: AsyncIterable<PackedActors>,
  bytesMax: number,
): AsyncGenerator<ActorBlock> {
  let waiting: ActorBlock[] = [];
  let waitingBytes = 0;
  let previous = -1;
  for await (const scanned of blocks) {
    for (const block of splitActors(scanned, bytesMax)) {
      const first = new DataView(block.actors.buffer, block.actors.byteOffset).getFloat64(0, true);
      assert(first > previous, 'the blocks of a scan ascend by key');
      previous = first;
      if (waitingBytes + block.actors.byteLength > bytesMax && waiting.length > 0) {
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
