/**
 * A merchant's name as a pair that compares quickly and exactly: a signed 64-bit decimal (which
 * R1's names are) as its two halves, any other text as (0, text). The pairs of two names are equal
 * when the names are: a half is a number, a text is not.
 */
export interface MerchantId {
  high: number;
  low: number | string;
}

const ZERO = 48;
const MINUS = 45;
const TWO_16 = 65_536;
const TWO_32 = 4_294_967_296;

/** Writes the pair of `name` to `out`, which the caller reuses: this runs for every payment. */
export function readMerchantId(name: string, out: MerchantId): void {
  out.high = 0;
  out.low = name;
  const negative = name.charCodeAt(0) === MINUS;
  const first = negative ? 1 : 0;
  const digits = name.length - first;
  if (digits < 1 || digits > 19) return;
  // Only the canonical form is a number: else `7` and `07`, two names, would be one merchant.
  if (name.charCodeAt(first) === ZERO && (digits > 1 || negative)) return;
  const split = name.length - 9;
  const top = digitsValue(name, first, split);
  const rest = digitsValue(name, Math.max(first, split), name.length);
  if (top < 0 || rest < 0) return;
  // value = top * 1e9 + rest has up to 63 bits; in two steps of 16 bits each product stays below
  // 2^53.
  const product = Math.floor(top / TWO_16) * 1e9;
  const lower = (product % TWO_16) * TWO_16 + (top % TWO_16) * 1e9 + rest;
  let low = lower % TWO_32;
  let high = Math.floor(product / TWO_16) + Math.floor(lower / TWO_32);
  if (negative) {
    high = low === 0 ? -high : -high - 1;
    low = -low;
  }
  if (high >= TWO_32 / 2 || high < -TWO_32 / 2) return;
  out.high = high | 0;
  out.low = low | 0;
}

/**
 * @returns the number that the characters [from, to) spell, 0 for none; -1 when one is no digit.
 */
function digitsValue(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
