/**
 * The columns of records that are being read. One is used again and again: it grows to the largest
 * read and stays, so that a record costs no allocation.
 */
import { packColumns } from '../../../core/records.ts';

export class ColumnScratch {
  count = 0;
  timestampsMs = new Float64Array(0);
  offsetDeltas = new Uint32Array(0);
  keyEnds = new Uint32Array(0);
  valueEnds = new Uint32Array(0);
  flags = new Uint8Array(0);
  keys = new Uint8Array(0);
  keyBytes = 0;
  valueBytes = 0;
  #values: Uint8Array[] = [];

  clear(): void {
    this.count = 0;
    this.keyBytes = 0;
    this.valueBytes = 0;
    this.#values = [];
  }

  /** Room for so many records more. */
  recordRoom(more: number): void {
    const needed = this.count + more;
    if (needed <= this.flags.length) return;
    const length = Math.max(needed, this.flags.length * 2);
    this.timestampsMs = copied(this.timestampsMs, new Float64Array(length));
    this.offsetDeltas = copied(this.offsetDeltas, new Uint32Array(length));
    this.keyEnds = copied(this.keyEnds, new Uint32Array(length));
    this.valueEnds = copied(this.valueEnds, new Uint32Array(length));
    this.flags = copied(this.flags, new Uint8Array(length));
  }

  /** Room for so many bytes of keys more. */
  keyRoom(more: number): void {
    const needed = this.keyBytes + more;
    if (needed <= this.keys.length) return;
    this.keys = copied(this.keys, new Uint8Array(Math.max(needed, this.keys.length * 2)));
  }

  /** Values back to back, counted in `valueBytes` already; kept until `pack`, not copied. */
  addValues(piece: Uint8Array): void {
    if (piece.byteLength > 0) this.#values.push(piece);
  }

  pack(): Uint8Array {
    const { count } = this;
    return packColumns({
      timestampsMs: this.timestampsMs.subarray(0, count),
      offsetDeltas: this.offsetDeltas.subarray(0, count),
      keyEnds: this.keyEnds.subarray(0, count),
      valueEnds: this.valueEnds.subarray(0, count),
      flags: this.flags.subarray(0, count),
      keys: this.keys.subarray(0, this.keyBytes),
      values: this.#values,
    });
  }
}

function copied<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
