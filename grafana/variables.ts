/** Puts values where Grafana puts them: for whoever runs the queries of a panel without it. */

export interface Values {
  /** Regular expressions, as Grafana makes them of what is chosen. */
  readonly instance: string;
  readonly partition: string;
  /** Of the dashboard's time range. */
  readonly rangeSeconds: number;
  /** From one scrape to the next: a rate needs four of them. */
  readonly scrapeSeconds: number;
  /** From one point to the next. */
  readonly stepSeconds: number;
}

/** @throws Error when a variable is left that this does not know */
export function filledIn(expr: string, values: Values): string {
  const { scrapeSeconds, stepSeconds } = values;
  const rateSeconds = Math.max(stepSeconds + scrapeSeconds, 4 * scrapeSeconds);
  const filled = expr
    .replaceAll('$__rate_interval', `${rateSeconds}s`)
    .replaceAll('$__range', `${values.rangeSeconds}s`)
    .replaceAll('$__interval', `${stepSeconds}s`)
    .replaceAll('$instance', values.instance)
    .replaceAll('$partition', values.partition);
  const [left] = /\$\w+/.exec(filled) ?? [];
  if (left !== undefined) throw new Error(`nobody has said what ${left} is in: ${expr}`);
  return filled;
}
