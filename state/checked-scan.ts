/**
 * RocksDB's binding turns checksums off for iterators: a damaged file would be scanned without a
 * word, and sealed as a new base. So a scan adds up the digest, and ends in an error when it is not
 * the meta's (S5).
 */
import { ShrikeError } from '../src/core/errors.ts';
import { unpackActors } from '../src/core/packed-actors.ts';
import type { PackedActors, StoreMeta } from '../src/core/state.ts';
import { DigestSum } from './digest.ts';

export interface ScanFacts {
  /** Of the moment of the scan; asked for at its end; undefined: nothing was ever written. */
  readonly meta: () => StoreMeta | undefined;
  readonly folder: string;
}

/** @param blocks ended, also when this one is left early @throws STATE_CORRUPT naming the folder */
export class CheckedScan implements AsyncIterableIterator<PackedActors> {
  readonly #blocks: AsyncIterator<PackedActors, undefined>;
  readonly #facts: ScanFacts;
  readonly #sum = new DigestSum();

  constructor(blocks: AsyncIterator<PackedActors, undefined>, facts: ScanFacts) {
    this.#blocks = blocks;
    this.#facts = facts;
  }

  async next(): Promise<IteratorResult<PackedActors, undefined>> {
    const result = await this.#blocks.next();
    if (result.done === true) {
      this.#check();
      return result;
    }
    for (const [key, bytes] of unpackActors(result.value)) this.#sum.add(key, bytes);
    return result;
  }

  async return(): Promise<IteratorResult<PackedActors, undefined>> {
    await this.#blocks.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #check(): void {
    const { meta, folder } = this.#facts;
    const expected = meta()?.digest ?? new DigestSum().hex();
    if (this.#sum.hex() === expected) return;
    throw new ShrikeError(
      'STATE_CORRUPT',
      `the actors in ${folder} have digest ${this.#sum.hex()}; its meta says ${expected}`,
    );
  }
}
