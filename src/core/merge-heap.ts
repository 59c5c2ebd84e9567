/** A binary heap of (rank, source), for merging: equal ranks come in the order of their sources. */
export class MergeHeap {
  readonly #ranks: Float64Array;
  readonly #sources: Int32Array;
  size = 0;

  constructor(sources: number) {
    this.#ranks = new Float64Array(sources);
    this.#sources = new Int32Array(sources);
  }

  /** The source whose rank is least. */
  get least(): number {
    return this.#sources[0] as number;
  }

  push(rank: number, source: number): void {
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#precedes(rank, source, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, rank, source);
  }

  pop(): void {
    this.size--;
    const { size } = this;
    if (size > 0) this.#sink(this.#ranks[size] as number, this.#sources[size] as number);
  }

  /** The least source goes on with its next item. */
  replaceLeast(rank: number): void {
    this.#sink(rank, this.least);
  }

  #sink(rank: number, source: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      const right = child + 1;
      const rightRank = this.#ranks[right] as number;
      if (right < this.size && this.#precedes(rightRank, this.#sources[right] as number, child)) {
        child = right;
      }
      if (this.#precedes(rank, source, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, rank, source);
  }

  #precedes(rank: number, source: number, at: number): boolean {
    const other = this.#ranks[at] as number;
    return rank < other || (rank === other && source < (this.#sources[at] as number));
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#ranks[from] as number, this.#sources[from] as number);
  }

  #put(at: number, rank: number, source: number): void {
    this.#ranks[at] = rank;
    this.#sources[at] = source;
  }
}
