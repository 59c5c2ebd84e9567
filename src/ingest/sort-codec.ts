/** How an item rests between reading and merging. */
export interface SortCodec<T> {
  /** 0 <= minute < 2^32 */
  minute(item: T): number;
  /** Upper bound of what `write` needs, at most 65,535. */
  bytesMax(item: T): number;
  /** @returns the end of what it wrote */
  write(item: T, into: Buffer, at: number): number;
  read(minute: number, from: Buffer, at: number, end: number): T;
}

/** Before each item, in memory and on disk: u32 minute, u16 length. */
export const ITEM_HEADER_BYTES = 6;
