/**
 * Packs records for one partition of the internal topic: the key is the user's number in decimal,
 * value and timestamp are the record's own. Columns are kept and filled again: nothing is made a
 * record.
 */
import { type PackedRecords, packColumns } from '../core/records.ts';

/**
 * Values of one append. Readers get whole appends: of 256 KiB several fit a fetch, and a broker's
 * limit for one batch (1 MiB) is far.
 */
const APPEND_BYTES_MAX = 1 << 18;
/** Digits of 2^53. */
const KEY_BYTES_MAX = 16;
const ZERO = 48;

export class PartitionPacker {
  #timestampsMs = new Float64Array(64);
  #keyEnds = new Uint32Array(64);
  #valueEnds = new Uint32Array(64);
  #keys = new Uint8Array(64 * KEY_BYTES_MAX);
  #values = Buffer.allocUnsafe(1 << 14);
  #count = 0;
  #keyBytes = 0;
  #valueBytes = 0;
  #full: Uint8Array[] = [];

  /** Record `i` of `records`, which has a value. */
  add(records: PackedRecords, i: number, user: number): void {
    const start = records.valueStart(i);
    const end = records.valueEnds[i] as number;
    const bytes = end - start;
    if (this.#valueBytes + bytes > APPEND_BYTES_MAX) this.#close();
    this.#makeRoom(bytes);
    const at = this.#count++;
    records.values.copy(this.#values, this.#valueBytes, start, end);
    this.#valueBytes += bytes;
    this.#writeKey(user);
    this.#timestampsMs[at] = records.timestampMs(i);
    this.#keyEnds[at] = this.#keyBytes;
    this.#valueEnds[at] = this.#valueBytes;
  }

  /** What was added since the last call, in its order; each part fit to be transferred. */
  finish(): readonly Uint8Array[] {
    this.#close();
    const full = this.#full;
    this.#full = [];
    return full;
  }

  #writeKey(user: number): void {
    let digits = 1;
    for (let rest = user; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    this.#keyBytes += digits;
    let rest = user;
    for (let at = this.#keyBytes - 1; digits > 0; at--, digits--) {
      const tens = Math.floor(rest / 10);
      this.#keys[at] = ZERO + (rest - 10 * tens); // so that no sum passes 2^53
      rest = tens;
    }
  }

  #close(): void {
    const count = this.#count;
    if (count === 0) return;
    const columns = {
      timestampsMs: this.#timestampsMs.subarray(0, count),
      offsetDeltas: Uint32Array.from({ length: count }, (_, i) => i),
      keyEnds: this.#keyEnds.subarray(0, count),
      valueEnds: this.#valueEnds.subarray(0, count),
      flags: new Uint8Array(count),
      keys: this.#keys.subarray(0, this.#keyBytes),
      values: [this.#values.subarray(0, this.#valueBytes)],
    };
    this.#full.push(packColumns(columns));
    this.#count = 0;
    this.#keyBytes = 0;
    this.#valueBytes = 0;
  }

  #makeRoom(valueBytes: number): void {
    const capacity = this.#timestampsMs.length;
    if (this.#count === capacity) {
      this.#timestampsMs = grown(this.#timestampsMs, new Float64Array(2 * capacity));
      this.#keyEnds = grown(this.#keyEnds, new Uint32Array(2 * capacity));
      this.#valueEnds = grown(this.#valueEnds, new Uint32Array(2 * capacity));
      this.#keys = grown(this.#keys, new Uint8Array(2 * capacity * KEY_BYTES_MAX));
    }
    const wanted = this.#valueBytes + valueBytes;
    if (wanted <= this.#values.length) return;
    this.#values = grown(
      this.#values,
      Buffer.allocUnsafe(Math.max(2 * this.#values.length, wanted)),
    );
  }
}

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
