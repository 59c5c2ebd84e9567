/** One output: made of its sources, put, read back. */
import { ShrikeError } from '../core/errors.ts';
import type { ObjectStore } from '../core/object-store.ts';
import { type AlertRow, alertRow } from './alert-columns.ts';
import { AlertIds, type IdRanges } from './alert-ids.ts';
import type { EarlierIds, LaneIndex } from './lane-index.ts';
import type { Source } from './names.ts';
import { OutputWriter, recordOf } from './parquet-output.ts';
import type { PlannedOutput, SourceRecord } from './plan.ts';
import { linesOf, sha256Of, textOf } from './source.ts';

/** Requests of one kind under way at once: an object takes 30 ms in S3, a day has 11,000. */
export const REQUESTS_MAX = 8;
/** Lines between two looks at the outputs that may have them. */
const LINES_AT_ONCE = 1 << 12;

export interface UnreadableSource {
  readonly key: string;
  readonly reason: string;
}

export interface WrittenOutput {
  readonly key: string;
  readonly day: string;
  readonly bytes: number;
  readonly rows: number;
  /** Rows whose line is kept in `raw`. */
  readonly rawRows: number;
  /** Lines that were left out, since an output has their alert. */
  readonly duplicates: number;
  /** Sources that it covers. */
  readonly sources: readonly Source[];
  readonly unreadable: readonly UnreadableSource[];
}

/**
 * @returns undefined when another run is at work on the sources (L4)
 * @throws LAKE_OUTPUT_CONFLICT
 */
export async function writeOutput(
  store: ObjectStore,
  planned: PlannedOutput,
  index: LaneIndex,
): Promise<WrittenOutput | undefined> {
  const made = new Making(index.earlierIds());
  for (let from = 0; from < planned.sources.length; from += REQUESTS_MAX) {
    const some = planned.sources.slice(from, from + REQUESTS_MAX);
    const bodies = await Promise.all(some.map(({ key }) => store.get(key)));
    for (const [i, source] of some.entries()) {
      const body = bodies[i];
      if (body === undefined || body.byteLength !== source.bytes) return undefined;
      await made.add(source, body);
    }
  }
  const { body, ids } = made.end();
  const there = await putOnce(store, planned.key, { body, ids, records: made.records });
  index.add(planned.key, there);
  const unreadable = new Set(made.unreadable.map(({ key }) => key));
  return {
    ...{ key: planned.key, day: planned.day, bytes: body.byteLength },
    ...{ rows: made.rows, rawRows: made.rawRows, duplicates: made.duplicates },
    sources: planned.sources.filter(({ key }) => !unreadable.has(key)),
    unreadable: made.unreadable,
  };
}

class Making {
  readonly records: SourceRecord[] = [];
  readonly unreadable: UnreadableSource[] = [];
  rows = 0;
  rawRows = 0;
  duplicates = 0;
  readonly #writer = new OutputWriter();
  readonly #ids = new AlertIds();
  readonly #earlier: EarlierIds;

  constructor(earlier: EarlierIds) {
    this.#earlier = earlier;
  }

  async add({ key, start }: Source, body: Uint8Array): Promise<void> {
    const text = await textOf(body);
    const isReadable = typeof text !== 'string';
    this.records.push({ key, bytes: body.byteLength, sha256: sha256Of(body), isReadable });
    if (!isReadable) {
      this.unreadable.push({ key, reason: text });
      return;
    }
    let rows: AlertRow[] = [];
    for (const line of linesOf(text)) {
      rows.push(alertRow(line, start));
      if (rows.length < LINES_AT_ONCE) continue;
      await this.#addRows(rows);
      rows = [];
    }
    await this.#addRows(rows);
  }

  async #addRows(rows: readonly AlertRow[]): Promise<void> {
    const ids = new AlertIds();
    for (const { id } of rows) if (id !== undefined) ids.add(id);
    await this.#earlier.prepare(ids.ranges);
    for (const { cells, id, isRaw } of rows) {
      if (id !== undefined && !this.#earlier.add(id)) {
        this.duplicates++;
        continue;
      }
      if (id !== undefined) this.#ids.add(id);
      this.#writer.add(cells);
      this.rows++;
      if (isRaw) this.rawRows++;
    }
  }

  end(): { readonly body: Uint8Array; readonly ids: IdRanges } {
    const ids = this.#ids.ranges;
    return { body: this.#writer.end(ids, this.records), ids };
  }
}

interface MadeOutput {
  readonly body: Uint8Array;
  readonly ids: IdRanges;
  readonly records: readonly SourceRecord[];
}

/**
 * L2. Whoever put it: what is there now has to be what was made (L1).
 * @returns the ids of what is there
 */
async function putOnce(store: ObjectStore, key: string, made: MadeOutput): Promise<IdRanges> {
  const isWritten = await store.putIfAbsent(key, made.body);
  const there = await store.get(key);
  if (isWritten) {
    if (there !== undefined && Buffer.compare(there, made.body) === 0) return made.ids;
    throw conflict(key, 'reads back otherwise than it was written');
  }
  const found = there === undefined ? undefined : recordOf(there);
  if (found !== undefined && sourcesText(found.sources) === sourcesText(made.records)) {
    return found.ids;
  }
  throw conflict(key, 'covers other sources');
}

function conflict(key: string, what: string): ShrikeError {
  return new ShrikeError('LAKE_OUTPUT_CONFLICT', `${key} ${what}; its sources stay`);
}

function sourcesText(records: readonly SourceRecord[]): string {
  return JSON.stringify(records.map(({ key, sha256, isReadable }) => [key, sha256, isReadable]));
}
