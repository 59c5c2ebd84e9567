/** Numbers as people read them. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });
const dollars = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });

export const UNKNOWN = '–';

export function formatCount(value: number): string {
  return whole.format(value);
}

/** Three digits or so: 0.42, 3.2, 14, 1,204. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  return (size >= 100 ? whole : size >= 10 ? one : two).format(value);
}

export function formatDollars(value: number): string {
  return dollars.format(value);
}

export function formatPercent(share: number): string {
  return `${one.format(share * 100)} %`;
}

/** 400 ms, 7.2 s, 3 min, 2.5 h, 4 days. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${whole.format(seconds * 1000)} ms`;
  if (seconds < 10) return `${one.format(seconds)} s`;
  if (seconds < 120) return `${whole.format(seconds)} s`;
  if (seconds < 7200) return `${whole.format(seconds / 60)} min`;
  if (seconds < 172_800) return `${one.format(seconds / 3600)} h`;
  return `${whole.format(seconds / 86_400)} days`;
}

/** 14:05:09 on the clock of whoever looks. */
export function formatClock(atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB');
}

/** Event time knows no time zone: minutes since 1970 become 2024-03-05 14:05 everywhere. */
export function formatEventMinute(minute: number): string {
  return new Date(minute * 60_000).toISOString().slice(0, 16).replace('T', ' ');
}
