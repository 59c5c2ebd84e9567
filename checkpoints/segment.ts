/**
 * A segment object: 16 bytes of header, then packed actors, compressed.
 *   "SHKS"   u8 version   u8 codec (1: brotli)   u16 0   u32 actors   u32 bytes when uncompressed
 * Little-endian. The manifest holds the SHA-256 of the whole object.
 */
import { createHash } from 'node:crypto';
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  createBrotliCompress,
  createBrotliDecompress,
} from 'node:zlib';
import type { Clock } from '../src/core/clock.ts';
import type { PackedActors } from '../src/core/state.ts';
import { type ActorBlock, countActors } from './actor-block.ts';

const HEADER_BYTES = 16;
const MAGIC = 0x534b4853; // "SHKS"
const VERSION = 1;
const CODEC_BROTLI = 1;
/** Half a millisecond of SHA-256: what the thread's other work may have to wait. */
const HASH_SLICE_BYTES = 256 << 10;
/**
 * Below this a trip to the thread pool costs more than the compression, and the order stays the
 * same.
 */
const INLINE_BYTES_MAX = 64 << 10;
// 2.6 MB of actors (2 cores, Node.js 20): brotli 0 to 44 % at 255 MB/s, brotli 1 to 41 % at 164
// MB/s, deflate 1 to 40 % at 120 MB/s, deflate 6 to 36 % at 24 MB/s; all of them read at about 270
// MB/s. The CPU is dearer than 10 % of the bytes: an hour of checkpoints is compressed once and
// mostly never read.
const BROTLI = { chunkSize: 1 << 20, params: { [constants.BROTLI_PARAM_QUALITY]: 0 } };

export interface Segment {
  readonly body: Uint8Array;
  readonly sha256: string;
  readonly actorCount: number;
}

export async function encodeSegment(block: ActorBlock, clock: Clock): Promise<Segment> {
  const { actors, count } = block;
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, VERSION);
  view.setUint8(5, CODEC_BROTLI);
  view.setUint32(8, count, true);
  view.setUint32(12, actors.byteLength, true);
  const body = plain(Buffer.concat([header, ...(await compressed(actors))]));
  return { body, sha256: await sha256Of(body, clock), actorCount: count };
}

async function compressed(actors: PackedActors): Promise<readonly Uint8Array[]> {
  if (actors.byteLength <= INLINE_BYTES_MAX) return [brotliCompressSync(actors, BROTLI)];
  const chunks: Uint8Array[] = [];
  const stream = createBrotliCompress(BROTLI);
  stream.end(actors);
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Not a Buffer: its `slice` is a view, that of a Uint8Array a copy. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
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
  let actors: Uint8Array | undefined;
  try {
    actors = await decompressed(payload, length);
  } catch (error) {
    return { damage: `it does not decompress: ${(error as Error).message}` };
  }
  if (actors === undefined) return { damage: `it does not hold ${length} bytes of actors` };
  const count = countActors(actors);
  return count === actorCount
    ? actors
    : { damage: `it holds ${count ?? 'damaged'} actors instead of ${actorCount}` };
}

/** @returns undefined when the payload holds more or less than `length` bytes. */
async function decompressed(payload: Uint8Array, length: number): Promise<Uint8Array | undefined> {
  if (length <= INLINE_BYTES_MAX) {
    const buffer = brotliDecompressSync(payload, { maxOutputLength: length + 1 });
    return buffer.byteLength === length ? plain(buffer) : undefined;
  }
  const actors = new Uint8Array(length);
  let at = 0;
  const stream = createBrotliDecompress({ chunkSize: BROTLI.chunkSize });
  stream.end(payload);
  for await (const chunk of stream) {
    if (at + chunk.byteLength > length) return undefined;
    actors.set(chunk, at);
    at += chunk.byteLength;
  }
  return at === length ? actors : undefined;
}

/** SHA-256 in slices: 16 MiB in one go would hold up the payments of this thread for 30 ms. */
async function sha256Of(bytes: Uint8Array, clock: Clock): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.byteLength; at += HASH_SLICE_BYTES) {
    if (at > 0) await clock.yield();
    hash.update(bytes.subarray(at, at + HASH_SLICE_BYTES));
  }
  return hash.digest('hex');
}
