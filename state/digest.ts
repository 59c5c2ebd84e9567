/**
 * S5: the digest of a partition's state is the sum, lane by lane modulo 2^32, of a 128-bit hash of
 * each actor. A sum can be kept up to date (take the old hash away, add the new one), and does not
 * know in which order actors came. It guards against faults, not against someone who forges state.
 */
import { assert } from '../src/core/assert.ts';
import type { ActorKey } from '../src/core/ids.ts';
import { unpackActors } from '../src/core/packed-actors.ts';
import type { PackedActors, StateDigest, StateDigester } from '../src/core/state.ts';
import type { Span } from './byte-arena.ts';

const KEY_BYTES = 8;
const BLOCK_BYTES = 16;

// Words are read from the machine's own order, which every platform of Node.js 20 has
// little-endian.
assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, 'the machine is little-endian');

let scratch = new Uint8Array(64 << 10);
let words = new Int32Array(scratch.buffer);

/** Begins a message of `length` bytes with its key. */
function begin(key: ActorKey, length: number): void {
  if (length + BLOCK_BYTES > scratch.byteLength) {
    scratch = new Uint8Array(2 ** Math.ceil(Math.log2(length + BLOCK_BYTES)));
    words = new Int32Array(scratch.buffer);
  }
  words[0] = key | 0;
  words[1] = Math.floor(key / 2 ** 32) | 0;
}

export function hashActor(key: ActorKey, bytes: Uint8Array, lanes: Int32Array): void {
  const length = KEY_BYTES + bytes.byteLength;
  begin(key, length);
  scratch.set(bytes, KEY_BYTES);
  hashScratch(length, lanes);
}

/** As `hashActor`, of bytes where they lie. */
export function hashSpan(key: ActorKey, span: Span, lanes: Int32Array): void {
  const length = KEY_BYTES + span.end - span.start;
  begin(key, length);
  const from = (span.start - KEY_BYTES) >> 2;
  for (let i = KEY_BYTES >> 2; 4 * i < length; i++) words[i] = span.words[from + i] as number;
  hashScratch(length, lanes);
}

/**
 * MurmurHash3_x86_128 (Austin Appleby, public domain), seed 0, of the key as u64 little-endian
 * followed by the bytes: 16 bytes a turn in 32-bit arithmetic, which is what V8 has in registers.
 */
function hashScratch(length: number, lanes: Int32Array): void {
  // Zero-padded to whole blocks.
  scratch.fill(0, length, length + BLOCK_BYTES);
  const blockWords = (length >>> 4) << 2;
  const w = words;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  let at = 0;
  for (; at < blockWords; at += 4) {
    h1 ^= mix1(w[at] as number);
    h1 = (Math.imul(((h1 << 19) | (h1 >>> 13)) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= mix2(w[at + 1] as number);
    h2 = (Math.imul(((h2 << 17) | (h2 >>> 15)) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= mix3(w[at + 2] as number);
    h3 = (Math.imul(((h3 << 15) | (h3 >>> 17)) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= mix4(w[at + 3] as number);
    h4 = (Math.imul(((h4 << 13) | (h4 >>> 19)) + h1, 5) + 0x32ac3b17) | 0;
  }
  // The tail: mixing a zero word gives zero, so padding leaves the hash what it is.
  h1 ^= mix1(w[at] as number) ^ length;
  h2 ^= mix2(w[at + 1] as number) ^ length;
  h3 ^= mix3(w[at + 2] as number) ^ length;
  h4 ^= mix4(w[at + 3] as number) ^ length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = finish((h2 + h1) | 0);
  h3 = finish((h3 + h1) | 0);
  h4 = finish((h4 + h1) | 0);
  h1 = (finish(h1) + h2 + h3 + h4) | 0;
  lanes[0] = h1;
  lanes[1] = h2 + h1;
  lanes[2] = h3 + h1;
  lanes[3] = h4 + h1;
}

function mix1(k: number): number {
  const m = Math.imul(k, 0x239b961b);
  return Math.imul((m << 15) | (m >>> 17), 0xab0e9789);
}

function mix2(k: number): number {
  const m = Math.imul(k, 0xab0e9789);
  return Math.imul((m << 16) | (m >>> 16), 0x38b34ae5);
}

function mix3(k: number): number {
  const m = Math.imul(k, 0x38b34ae5);
  return Math.imul((m << 17) | (m >>> 15), 0xa1e38b93);
}

function mix4(k: number): number {
  const m = Math.imul(k, 0xa1e38b93);
  return Math.imul((m << 18) | (m >>> 14), 0x239b961b);
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A digest that is being kept. */
export class DigestSum implements StateDigester {
  readonly #sum = new Int32Array(4);
  readonly #lanes = new Int32Array(4);

  constructor(digest?: StateDigest) {
    if (digest === undefined) return;
    assert(/^[0-9a-f]{32}$/.test(digest), 'a digest has 32 hex digits');
    for (let i = 0; i < 4; i++) {
      this.#sum[i] = Number.parseInt(digest.slice(8 * i, 8 * i + 8), 16);
    }
  }

  add(key: ActorKey, bytes: Uint8Array): void {
    hashActor(key, bytes, this.#lanes);
    this.addLanes(this.#lanes);
  }

  remove(key: ActorKey, bytes: Uint8Array): void {
    hashActor(key, bytes, this.#lanes);
    this.removeLanes(this.#lanes);
  }

  addLanes(lanes: Int32Array): void {
    for (let i = 0; i < 4; i++) this.#sum[i] = (this.#sum[i] as number) + (lanes[i] as number);
  }

  removeLanes(lanes: Int32Array): void {
    for (let i = 0; i < 4; i++) this.#sum[i] = (this.#sum[i] as number) - (lanes[i] as number);
  }

  hex(): StateDigest {
    let text = '';
    for (const lane of this.#sum) text += (lane >>> 0).toString(16).padStart(8, '0');
    return text;
  }
}

export interface CountedDigest {
  readonly digest: StateDigest;
  readonly actorCount: number;
}

/** From scratch, of whole actors each of which comes once: a scan, or a base. */
export async function digestOf(
  blocks: AsyncIterable<PackedActors> | Iterable<PackedActors>,
): Promise<CountedDigest> {
  const sum = new DigestSum();
  let actorCount = 0;
  for await (const block of blocks) {
    for (const [key, bytes] of unpackActors(block)) {
      sum.add(key, bytes);
      actorCount += 1;
    }
  }
  return { digest: sum.hex(), actorCount };
}
