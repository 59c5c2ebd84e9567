/** Numbers as Grafana writes them, in the units that the dashboards use. */

interface Scale {
  readonly from: number;
  readonly per: number;
  readonly suffix: string;
}

const scale = (from: number, suffix: string, per = from): Scale => ({ from, per, suffix });

const PLAIN = scale(0, '', 1);
const SECOND = scale(1, ' s');
const SECONDS = [
  scale(604_800, ' weeks'),
  scale(86_400, ' days'),
  scale(3600, ' hours'),
  scale(60, ' mins'),
  SECOND,
  scale(1e-3, ' ms'),
  scale(0, ' µs', 1e-6),
];
const BYTES = [
  scale(2 ** 30, ' GiB'),
  scale(2 ** 20, ' MiB'),
  scale(2 ** 10, ' KiB'),
  scale(0, ' B', 1),
];
const BYTES_PER_SECOND = [
  scale(1e9, ' GB/s'),
  scale(1e6, ' MB/s'),
  scale(1e3, ' kB/s'),
  scale(0, ' B/s', 1),
];
const SHORT = [scale(1e9, ' Bil'), scale(1e6, ' Mil'), scale(1e3, ' K'), PLAIN];

function scalesOf(unit: string): readonly Scale[] {
  if (unit === 's') return SECONDS;
  if (unit === 'bytes') return BYTES;
  if (unit === 'Bps') return BYTES_PER_SECOND;
  if (unit === 'percentunit') return [scale(0, '%', 0.01)];
  if (unit === 'short') return SHORT;
  if (unit.startsWith('si:')) {
    const base = unit.slice(3);
    return [scale(1e6, ` M${base}`), scale(1e3, ` k${base}`), scale(0, ` ${base}`, 1)];
  }
  return [PLAIN];
}

/** Three digits that count, as Grafana's automatic decimals. */
function digits(value: number): number {
  if (value === 0) return 0;
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  return Math.min(4, Math.max(0, 3 - before));
}

export function formatted(value: number, unit = 'short', decimals?: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : '∞';
  const size = Math.abs(value);
  const scales = scalesOf(unit);
  // Nothing is so many seconds, and no microseconds.
  const ofZero = unit === 's' ? SECOND : scales.at(-1);
  const { per, suffix } = scales.find(({ from }) => size >= from && size > 0) ?? ofZero ?? PLAIN;
  const scaled = value / per;
  const text = scaled.toFixed(decimals ?? digits(scaled));
  return `${decimals === undefined && text.includes('.') ? text.replace(/\.?0+$/, '') : text}${suffix}`;
}
