/** A strict parser of Prometheus' text format 0.0.4: a test fails where a scraper would. */
export interface ParsedSample {
  /** With the suffix of a histogram's part. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedMetric {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

/** `Nan` is how prom-client writes NaN; Prometheus reads it in any case. */
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?\d+)?|[+-]Inf|Nan)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y;

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (match === null) throw new Error(`not labels: ${text}`);
    labels[match[1] as string] = match[2] as string;
  }
  return labels;
}

const valueOf = (text: string): number =>
  text.endsWith('Inf') ? Number(`${text}inity`) : Number(text);

/** Metrics by name. @throws Error where a line is not of the format or out of place */
export function parseMetrics(body: string): Map<string, ParsedMetric> {
  const metrics = new Map<string, { type: string; help: string; samples: ParsedSample[] }>();
  let current = '';
  for (const line of body.split('\n')) {
    if (line === '') continue;
    const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (metrics.has(name as string)) throw new Error(`twice: ${name}`);
      metrics.set(name as string, { type: '', help: rest as string, samples: [] });
      current = name as string;
      continue;
    }
    const metric = metrics.get(current);
    if (metric === undefined) throw new Error(`no metric above: ${line}`);
    if (kind === 'TYPE') {
      metric.type = rest as string;
      continue;
    }
    const match = SAMPLE.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    const sample = {
      name: match[1] as string,
      labels: parseLabels(match[2] ?? ''),
      value: valueOf(match[3] as string),
    };
    if (!sample.name.startsWith(current)) throw new Error(`${sample.name} below ${current}`);
    metric.samples.push(sample);
  }
  return metrics;
}
