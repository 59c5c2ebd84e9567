/**
 * Ids of alerts, `topic/partition/offset` of the payment. A set of them costs a number each; their
 * ranges say which outputs can have one in common.
 */

/** `topic/partition` to lowest and highest offset. */
export type IdRanges = Readonly<Record<string, readonly [number, number]>>;

const ID = /^([^/]+\/\d+)\/(\d+)$/;

export interface AlertId {
  /** `topic/partition` */
  readonly place: string;
  readonly offset: number;
}

/** @returns undefined for what is no id, or would not be written the same way again. */
export function alertId(text: unknown): AlertId | undefined {
  const [, place, digits] = typeof text === 'string' ? (ID.exec(text) ?? []) : [];
  if (place === undefined) return undefined;
  const offset = Number(digits);
  return Number.isSafeInteger(offset) && String(offset) === digits ? { place, offset } : undefined;
}

export class AlertIds {
  readonly #offsets = new Map<string, Set<number>>();

  /** @returns false when it is there already. */
  add({ place, offset }: AlertId): boolean {
    let offsets = this.#offsets.get(place);
    if (offsets === undefined) {
      offsets = new Set();
      this.#offsets.set(place, offsets);
    }
    if (offsets.has(offset)) return false;
    offsets.add(offset);
    return true;
  }

  get ranges(): IdRanges {
    const ranges: Record<string, [number, number]> = {};
    for (const [place, offsets] of this.#offsets) {
      let [low, high] = [Number.POSITIVE_INFINITY, -1];
      for (const offset of offsets) {
        low = Math.min(low, offset);
        high = Math.max(high, offset);
      }
      ranges[place] = [low, high];
    }
    return ranges;
  }
}

/** Whether an id may be in both. */
export function doMeet(one: IdRanges, other: IdRanges): boolean {
  return Object.entries(one).some(([place, [low, high]]) => {
    const range = Object.hasOwn(other, place) ? other[place] : undefined;
    return range !== undefined && range[0] <= high && low <= range[1];
  });
}
