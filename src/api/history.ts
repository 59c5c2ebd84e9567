/** The last minutes of the charts, a point a second, so that a reloaded page is not empty. */
import { assert } from '../core/assert.ts';
import type { StatusPoint } from '../core/status.ts';

export class History {
  readonly #points: StatusPoint[] = [];
  readonly #spanMs: number;
  readonly #pointsMax: number;

  /** @param spanMs points older than this, measured from the newest, are dropped */
  constructor(spanMs: number, pointsMax: number) {
    assert(spanMs > 0 && pointsMax > 0, 'a history holds something');
    this.#spanMs = spanMs;
    this.#pointsMax = pointsMax;
  }

  /** A point that is not newer than the last one is left out: charts need ascending time. */
  add(point: StatusPoint): void {
    const points = this.#points;
    const newest = points.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    if (point.atMs <= newest) return;
    points.push(point);
    const fresh = points.findIndex(({ atMs }) => atMs > point.atMs - this.#spanMs);
    points.splice(0, Math.max(fresh, points.length - this.#pointsMax));
  }

  points(): readonly StatusPoint[] {
    return this.#points;
  }
}
