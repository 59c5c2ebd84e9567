/** Below it, float32 has fewer digits, down to one. */
const LEAST_NORMAL = 2 ** -126;

/**
 * The shortest decimal that reads back to the same float32. Decimals of up to 6 significant digits
 * are told apart by a float32, so the first that reads back is the shortest.
 */
export function float32Text(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return String(value);
  if (!Number.isFinite(value)) return String(value);
  // Amounts: two decimals, at most 6 digits in all.
  const cents = Math.round(value * 100) / 100;
  if (Math.abs(cents) < 1e4 && Math.fround(cents) === value) return String(cents);
  const digitsMin = Math.abs(value) < LEAST_NORMAL ? 1 : 6;
  for (let digits = digitsMin; digits < 9; digits++) {
    const near = Number(value.toPrecision(digits));
    if (Math.fround(near) === value) return String(near);
  }
  return String(Number(value.toPrecision(9)));
}
