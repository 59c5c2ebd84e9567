/**
 * The naive partition behind the checkpoint tests: a map of actors, and what changed since the last
 * snapshot.
 */
import { createHash } from 'node:crypto';
import { packActors, unpackActors } from '../../src/core/packed-actors.ts';
import type { PackedActors, Snapshot, StateDigester } from '../../src/core/state.ts';

const MASK = (1n << 128n) - 1n;

/** S5 with SHA-256 for the hash; the real one is `state/digest.ts`. */
export function sumDigester(): StateDigester {
  let sum = 0n;
  const hash = (key: number, bytes: Uint8Array) =>
    BigInt(`0x${createHash('sha256').update(`${key}:`).update(bytes).digest('hex').slice(0, 32)}`);
  return {
    add: (key, bytes) => {
      sum = (sum + hash(key, bytes)) & MASK;
    },
    remove: (key, bytes) => {
      sum = (sum - hash(key, bytes)) & MASK;
    },
    hex: () => sum.toString(16).padStart(32, '0'),
  };
}

export class ModelPartition {
  readonly actors = new Map<number, Uint8Array>();
  #changed = new Set<number>();
  #nextOffset = 0;
  #storedOffset = 0;
  #stored = new Map<number, Uint8Array>();

  get nextOffset(): number {
    return this.#nextOffset;
  }

  /** What fills an actor that is larger than its offset: zeros compress to nothing. */
  noise: Uint8Array = new Uint8Array();

  /**
   * One event for each key; the actor's bytes tell the offset of its last one, `size` bytes long.
   */
  step(keys: readonly number[], size = 8): void {
    for (const key of keys) {
      const bytes = new Uint8Array(Math.max(8, size));
      bytes.set(this.noise.subarray(0, bytes.byteLength));
      new DataView(bytes.buffer).setFloat64(0, this.#nextOffset++, true);
      this.actors.set(key, bytes);
      this.#changed.add(key);
    }
  }

  /** Events that change no actor: records that are dead letters. */
  pass(count: number): void {
    this.#nextOffset += count;
  }

  /** Takes and stores: from here on `scan` gives this image. */
  snapshot(): Snapshot {
    const keys = [...this.#changed].sort((a, b) => a - b);
    const snapshot: Snapshot = {
      meta: {
        formatVersion: 1,
        nextOffset: this.#nextOffset,
        digest: digestOf(this.actors),
        actorCount: this.actors.size,
        schemas: { s1: [{ name: 'velocity', key: 'card', version: 1 }] },
      },
      fromOffset: this.#storedOffset,
      changed: packActors(keys.map((key) => [key, this.actors.get(key) as Uint8Array])),
      changedCount: keys.length,
    };
    this.#changed = new Set();
    this.#storedOffset = this.#nextOffset;
    this.#stored = new Map(this.actors);
    return snapshot;
  }

  /** Blocks of three actors: a scan has many. */
  async *scan(): AsyncGenerator<PackedActors> {
    const entries = [...this.#stored].sort(([a], [b]) => a - b);
    for (let at = 0; at < entries.length; at += 3) yield packActors(entries.slice(at, at + 3));
  }

  /** Another owner begins where a checkpoint ends, and has seen nothing after it. */
  static restored(actors: ReadonlyMap<number, Uint8Array>, nextOffset: number): ModelPartition {
    const partition = new ModelPartition();
    for (const [key, bytes] of actors) partition.actors.set(key, bytes);
    partition.#nextOffset = nextOffset;
    partition.#storedOffset = nextOffset;
    partition.#stored = new Map(partition.actors);
    return partition;
  }
}

export function digestOf(actors: Iterable<readonly [number, Uint8Array]>): string {
  const digester = sumDigester();
  for (const [key, bytes] of actors) digester.add(key, bytes);
  return digester.hex();
}

/** What a restore does: the blocks in their order, a later actor in place of an earlier one. */
export async function restore(
  blocks: AsyncIterable<PackedActors>,
): Promise<Map<number, Uint8Array>> {
  const actors = new Map<number, Uint8Array>();
  for await (const block of blocks) {
    for (const [key, bytes] of unpackActors(block)) actors.set(key, bytes.slice());
  }
  return actors;
}
