/**
 * Reports of drills in the object store:
 *   <application>/<topic>/drills/20261122T114408Z-restore-equal-5f3a9c01.json
 * The name says when, what and how it went, so that a list of names answers most questions.
 */
import {
  DRILL_KINDS,
  DRILL_VERDICTS,
  type DrillKind,
  type DrillReport,
  type DrillSummary,
  type DrillVerdict,
  hasPassed,
} from '../src/core/drill.ts';
import type { ObjectStore } from '../src/core/object-store.ts';
import { availableStore } from './available-store.ts';

export interface DrillReportsOptions {
  readonly store: ObjectStore;
  readonly application: string;
  readonly topic: string;
}

export interface DrillName {
  readonly key: string;
  readonly endedAtMs: number;
  readonly kind: DrillKind;
  readonly verdict: DrillVerdict;
}

const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([a-z]+)-([a-z]+)-[0-9a-z]+\.json$/;

export class DrillReports {
  readonly #store: ObjectStore;
  readonly #prefix: string;
  /** Reports do not change: each is read once. */
  readonly #read = new Map<string, DrillReport>();

  constructor({ store, application, topic }: DrillReportsOptions) {
    this.#store = availableStore(store);
    this.#prefix = `${application}/${topic}/drills/`;
  }

  /** @returns its key @throws OBJECT_STORE_UNAVAILABLE */
  async put(report: DrillReport): Promise<string> {
    const time = new Date(report.endedAtMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const key = `${this.#prefix}${time}-${report.kind}-${report.verdict}-${report.id}.json`;
    await this.#store.put(key, new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`));
    return key;
  }

  /**
   * Leaves the newest ones; and of each kind the newest, and the newest that has passed, which the
   * metrics tell of.
   * @returns how many were deleted @throws OBJECT_STORE_UNAVAILABLE
   */
  async trim(keepCount: number): Promise<number> {
    const outdated = outdatedReports(await this.list(), keepCount);
    for (const { key } of outdated) await this.#store.delete(key);
    return outdated.length;
  }

  /** Newest first. */
  async list(): Promise<readonly DrillName[]> {
    const objects = await this.#store.list(this.#prefix);
    return objects.flatMap(({ key }) => parseName(key) ?? []).reverse();
  }

  /** Of each kind that was ever drilled. */
  async newest(): Promise<readonly DrillSummary[]> {
    const names = await this.list();
    const summaries: DrillSummary[] = [];
    for (const kind of DRILL_KINDS) {
      const ofKind = names.filter((name) => name.kind === kind);
      const [first] = ofKind;
      const newest = first && (await this.#get(first.key));
      if (newest === undefined) continue;
      // Names know seconds only.
      const passed = hasPassed(newest.verdict)
        ? newest
        : ofKind.find(({ verdict }) => hasPassed(verdict));
      summaries.push({ newest, lastPassedAtMs: passed?.endedAtMs ?? null });
    }
    const kept = new Set(summaries.map(({ newest }) => newest));
    for (const [key, report] of this.#read) if (!kept.has(report)) this.#read.delete(key);
    return summaries;
  }

  /** Undefined when it is gone, or was written by another version. */
  async #get(key: string): Promise<DrillReport | undefined> {
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const body = await this.#store.get(key);
    const report = body && parseReport(body);
    if (report !== undefined) this.#read.set(key, report);
    return report;
  }
}

/** @param names newest first */
export function outdatedReports(
  names: readonly DrillName[],
  keepCount: number,
): readonly DrillName[] {
  const kept = new Set(names.slice(0, keepCount));
  for (const kind of DRILL_KINDS) {
    const ofKind = names.filter((name) => name.kind === kind);
    for (const one of [ofKind[0], ofKind.find(({ verdict }) => hasPassed(verdict))]) {
      if (one !== undefined) kept.add(one);
    }
  }
  return names.filter((name) => !kept.has(name));
}

function parseName(key: string): DrillName | undefined {
  const match = NAME.exec(key.slice(key.lastIndexOf('/') + 1));
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  const kind = DRILL_KINDS.find((one) => one === match[7]);
  const verdict = DRILL_VERDICTS.find((one) => one === match[8]);
  if (kind === undefined || verdict === undefined) return undefined;
  const endedAtMs = Date.UTC(year as number, (month as number) - 1, day, hour, minute, second);
  return { key, endedAtMs, kind, verdict };
}

function parseReport(body: Uint8Array): DrillReport | undefined {
  try {
    const report = JSON.parse(Buffer.from(body).toString()) as DrillReport;
    const isKnown = report.formatVersion === 1 && DRILL_KINDS.includes(report.kind);
    return isKnown ? report : undefined;
  } catch {
    return undefined; // half of an upload, or something else's file: no report
  }
}
