/**
 * A lake in memory, the connector that writes to it, and runs that compact it: killed at a step, or
 * two at a time in an order that a seed chooses. After every change that a run makes it looks
 * whether something is lost or doubled.
 */
import { gunzipSync } from 'node:zlib';
import { seeded } from '../../src/core/random.ts';
import { compactLake } from '../../src/lake/compact.ts';
import type { LaneReport } from '../../src/lake/lane.ts';
import { alertOf, atDay, DAY_MS, packed, parquetRows, sourceKey } from './lake.ts';
import {
  type DurableObjects,
  type ObjectFaults,
  openMemoryObjectStore,
} from './memory-object-store.ts';

/** A few objects of a few alerts fill an output. */
const LIMITS = { outputSourceBytesMax: 1500, outputSourcesMax: 3, sourceBytesMax: 4000 };

const HOUR_MS = DAY_MS / 24;

export interface Kill {
  /** Which call of the store. */
  readonly at: number;
  readonly when: 'before' | 'after';
}

class Killed extends Error {}

export class LakeWorld {
  readonly objects: DurableObjects = new Map();
  readonly faults: string[] = [];
  /** Changes that runs have made. */
  changeCount = 0;
  nowMs = atDay('2026-11-01');
  /** The connector's position in each partition. */
  readonly #next = [0, 0];
  #junkCount = 0;
  readonly #history: {
    readonly partition: number;
    readonly from: number;
    readonly modifiedMs: number;
  }[] = [];
  /** What was in the lake when the runs began: it has to stay. */
  #present = new Set<string>();
  /** By the body of the object, which never changes. */
  readonly #contents = new WeakMap<Uint8Array, readonly string[]>();

  flush(partition: number, count: number): void {
    const from = this.#next[partition] ?? 0;
    this.#next[partition] = from + count;
    this.#history.push({ partition, from, modifiedMs: this.nowMs });
    this.#putAlerts(partition, from, count, this.nowMs);
  }

  /** As `flush`, beside runs: a name that is there is not written again meanwhile (A1). */
  flushBeside(partition: number, count: number): void {
    if (this.objects.has(sourceKey(partition, this.#next[partition] ?? 0))) return;
    this.flush(partition, count);
  }

  /** The connector comes back at a position from before. */
  rewind(partition: number, by: number): void {
    this.#next[partition] = Math.max(0, (this.#next[partition] ?? 0) - by);
  }

  /** The connector is where it has never been. */
  flushNew(partition: number): void {
    const starts = this.sourceKeys
      .map((key) => /-(\d+)-(\d+)\.jsonl/.exec(key))
      .filter((match) => Number(match?.[1]) === partition)
      .map((match) => Number(match?.[2]));
    const position = this.#next[partition] ?? 0;
    this.#next[partition] = Math.max(position, ...starts.map((start) => start + 9));
    this.flush(partition, 1);
  }

  /** Somebody puts back what the connector had written days ago, with its time and other lines. */
  putBack(nth: number, count: number): void {
    const one = this.#history[nth % this.#history.length];
    if (one !== undefined) this.#putAlerts(one.partition, one.from, count, one.modifiedMs);
  }

  junk(partition: number, isDamaged: boolean): void {
    const from = this.#next[partition] ?? 0;
    this.#next[partition] = from + 1;
    const body = packed([`junk ${this.#junkCount++}`]);
    this.#put(sourceKey(partition, from), isDamaged ? body.subarray(0, -4) : body, this.nowMs);
  }

  #putAlerts(partition: number, from: number, count: number, modifiedMs: number): void {
    const alerts = Array.from({ length: count }, (_, i) => alertOf(from + i, partition));
    this.#put(sourceKey(partition, from), packed(alerts), modifiedMs);
  }

  #put(key: string, body: Uint8Array, modifiedMs: number): void {
    this.objects.set(key, { body, modifiedMs });
  }

  async run(kill?: Kill): Promise<readonly LaneReport[] | undefined> {
    await this.#begin();
    return this.#compact(this.#dying(kill), this.nowMs);
  }

  /**
   * The second one's clock is ahead, by some hours.
   * @param beside what the connector does meanwhile, at chosen steps
   */
  async runTwo(
    seed: number,
    kills: readonly (Kill | undefined)[],
    beside: () => void,
  ): Promise<void> {
    await this.#begin();
    const random = seeded(seed);
    const aheadMs = Math.floor(random.next() * 12) * HOUR_MS;
    const waiting = new Map<number, (() => void)[]>(kills.map((_, i) => [i, []]));
    let running = kills.length;
    const runs = kills.map(async (kill, i) => {
      const faults = this.#dying(kill);
      const before: ObjectFaults['before'] = async (operation, key) => {
        await new Promise<void>((resolve) => waiting.get(i)?.push(resolve));
        await faults.before?.(operation, key);
      };
      await this.#compact({ ...faults, before }, this.nowMs + i * aheadMs);
      waiting.delete(i);
      running -= 1;
    });
    let favourite = 0;
    while (running > 0) {
      // Everything that can go on without the store has done so.
      await new Promise(setImmediate);
      // Mostly the same one again: what is hard is a run that sleeps while another one does much.
      if (random.next() < 0.15) favourite = Math.floor(random.next() * kills.length);
      if (random.next() < 0.1) beside();
      const those = waiting.get(favourite) ?? [];
      those.splice(Math.floor(random.next() * those.length), 1)[0]?.();
      if (!waiting.has(favourite)) favourite = [...waiting.keys()][0] ?? 0;
    }
    await Promise.all(runs);
  }

  /** Undefined: it was killed. */
  async #compact(faults: ObjectFaults, nowMs: number): Promise<readonly LaneReport[] | undefined> {
    const { objects } = this;
    const store = openMemoryObjectStore({ objects, faults, nowMs: () => nowMs });
    const clock = {
      nowMs: () => nowMs,
      sleep: async () => undefined,
      yield: async () => undefined,
    };
    const reports: LaneReport[] = [];
    try {
      const options = { store, clock, olderThanMs: DAY_MS, limits: LIMITS };
      for await (const report of compactLake(options)) reports.push(report);
      return reports;
    } catch (error) {
      if (error instanceof Killed) return undefined;
      throw error;
    }
  }

  #dying(kill: Kill | undefined): ObjectFaults {
    let calls = 0;
    let isDead = false;
    const strike = (when: Kill['when']) => {
      if (kill !== undefined && kill.when === when && kill.at === calls) isDead = true;
      if (isDead) throw new Killed();
    };
    return {
      before: () => {
        calls += 1;
        strike('before');
      },
      after: async (operation) => {
        if (operation !== 'get' && operation !== 'list') {
          this.changeCount += 1;
          await this.#check();
        }
        strike('after');
      },
    };
  }

  async #begin(): Promise<void> {
    this.#present = new Set([...(await this.inSources()), ...(await this.inOutputs())]);
  }

  async #check(): Promise<void> {
    const [sources, outputs] = [await this.inSources(), await this.inOutputs()];
    const there = new Set([...sources, ...outputs]);
    for (const one of this.#present) if (!there.has(one)) this.faults.push(`lost: ${one}`);
    const counted = new Set<string>();
    for (const one of outputs) {
      if (counted.has(one)) this.faults.push(`doubled: ${one}`);
      counted.add(one);
    }
  }

  get sourceKeys(): readonly string[] {
    return [...this.objects.keys()].filter((key) => !key.startsWith('compacted/')).sort();
  }

  /** Ids of alerts and texts of other lines; of a damaged object its name. */
  inSources(): Promise<readonly string[]> {
    return this.#contentsOf((key) => !key.startsWith('compacted/'));
  }

  inOutputs(): Promise<readonly string[]> {
    return this.#contentsOf((key) => key.endsWith('.parquet'));
  }

  async #contentsOf(wanted: (key: string) => boolean): Promise<readonly string[]> {
    const bodies = [...this.objects].filter(([key]) => wanted(key));
    const all: string[] = [];
    for (const [key, { body }] of bodies) {
      let contents = this.#contents.get(body);
      if (contents === undefined) {
        contents = key.endsWith('.parquet') ? await outputTexts(body) : sourceTexts(key, body);
        this.#contents.set(body, contents);
      }
      all.push(...contents);
    }
    return all;
  }
}

function sourceTexts(key: string, body: Uint8Array): readonly string[] {
  try {
    const lines = gunzipSync(body).toString().trimEnd().split('\n');
    return lines.map((line) =>
      line.startsWith('junk') ? line : (JSON.parse(line) as { readonly id: string }).id,
    );
  } catch {
    return [`damaged ${key}`];
  }
}

async function outputTexts(body: Uint8Array): Promise<readonly string[]> {
  const rows = await parquetRows(body);
  return rows.map(({ id, raw }) => id ?? Buffer.from(raw as Uint8Array).toString());
}
