/**
 * Feature rows of the batches under way, in shared memory: they are read where they were written. A
 * slab holds one batch and is used again, so that no batch costs an allocation, a transfer and the
 * garbage of both on two threads.
 */
export class RowSlabs {
  readonly #slabBytes: number;
  readonly #free: SharedArrayBuffer[] = [];

  /** @param valuesMax floats of the largest batch */
  constructor(valuesMax: number) {
    this.#slabBytes = valuesMax * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Zeros: an operator that leaves a feature out has always left a 0. */
  take(valueCount: number): Float32Array {
    const slab = this.#free.pop() ?? new SharedArrayBuffer(this.#slabBytes);
    return new Float32Array(slab, 0, valueCount).fill(0);
  }

  /** The rows are read by nobody any more. */
  giveBack(rows: Float32Array): void {
    this.#free.push(rows.buffer as SharedArrayBuffer);
  }
}
