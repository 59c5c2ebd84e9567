/**
 * Which ids the outputs of a lane have, as ranges: an output is read for its ids only where they
 * may meet those of a new one. A cache in the store; what it lacks is read from the outputs.
 */
import type { ObjectStore } from '../core/object-store.ts';
import { type AlertId, AlertIds, doMeet, type IdRanges } from './alert-ids.ts';
import { readIds, recordOf } from './parquet-output.ts';

const FORMAT_VERSION = 1;

interface IndexText {
  readonly formatVersion: number;
  readonly outputs: Readonly<Record<string, IdRanges>>;
}

export class LaneIndex {
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #ranges = new Map<string, IdRanges>();
  #isChanged = false;

  private constructor(store: ObjectStore, key: string) {
    this.#store = store;
    this.#key = key;
  }

  /** @param outputs keys of all outputs of the lane */
  static async open(
    store: ObjectStore,
    key: string,
    outputs: readonly string[],
  ): Promise<LaneIndex> {
    const index = new LaneIndex(store, key);
    const cached = parse(await store.get(key));
    for (const output of outputs) {
      const ranges = Object.hasOwn(cached, output) ? cached[output] : undefined;
      if (ranges === undefined) await index.#read(output);
      else index.#ranges.set(output, ranges);
    }
    return index;
  }

  add(output: string, ranges: IdRanges): void {
    this.#ranges.set(output, ranges);
    this.#isChanged = true;
  }

  async save(): Promise<void> {
    if (!this.#isChanged) return;
    const outputs = Object.fromEntries(this.#ranges);
    const text: IndexText = { formatVersion: FORMAT_VERSION, outputs };
    await this.#store.put(this.#key, new TextEncoder().encode(JSON.stringify(text)));
    this.#isChanged = false;
  }

  /** For one new output: the ids that others have, read when a line asks for their range. */
  earlierIds(): EarlierIds {
    return new EarlierIds(this.#store, new Map(this.#ranges));
  }

  async #read(output: string): Promise<void> {
    const body = await this.#store.get(output);
    const record = body === undefined ? undefined : recordOf(body);
    // Somebody else's Parquet under such a name: it covers nothing, and has no alerts of ours.
    if (record !== undefined) this.add(output, record.ids);
  }
}

export class EarlierIds {
  readonly #store: ObjectStore;
  readonly #unread: Map<string, IdRanges>;
  /** Ids of outputs that were read, and those that were added. */
  readonly #seen = new AlertIds();

  constructor(store: ObjectStore, unread: Map<string, IdRanges>) {
    this.#store = store;
    this.#unread = unread;
  }

  /** Reads the outputs that may have an id of these ranges. */
  async prepare(ranges: IdRanges): Promise<void> {
    for (const [output, those] of this.#unread) {
      if (!doMeet(ranges, those)) continue;
      const body = await this.#store.get(output);
      if (body !== undefined) await readIds(body, this.#seen);
      this.#unread.delete(output);
    }
  }

  /** @returns false when an output that was read, or an earlier call, has it. */
  add(id: AlertId): boolean {
    return this.#seen.add(id);
  }
}

function parse(body: Uint8Array | undefined): IndexText['outputs'] {
  try {
    const text = JSON.parse(new TextDecoder().decode(body)) as IndexText;
    return text.formatVersion === FORMAT_VERSION ? text.outputs : {};
  } catch {
    return {};
  }
}
