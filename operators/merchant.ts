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

/** The longest signed 64-bit decimal, `-9223372036854775808`. */
const LENGTH_MAX = 20;
const scratch = new Uint8Array(LENGTH_MAX);

/** Writes the pair of `name` to `out`, which the caller reuses. */
export function readMerchantId(name: string, out: MerchantId): void {
  const { length } = name;
  let isNumber = length <= LENGTH_MAX;
  for (let i = 0; i < length && isNumber; i++) {
    const code = name.charCodeAt(i);
    scratch[i] = code;
    isNumber = code < 128;
  }
  if (isNumber && readMerchantDigits(scratch, { start: 0, end: length }, out)) return;
  out.high = 0;
  out.low = name;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * @returns false when the bytes are no signed 64-bit decimal in its canonical form; `out` is then
 * undefined
 */
export function readMerchantDigits(
  bytes: Uint8Array,
  { start, end }: Span,
  out: MerchantId,
): boolean {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  const digits = end - first;
  if (digits < 1 || digits > 19) return false;
  // Only the canonical form is a number: else `7` and `07`, two names, would be one merchant.
  if (bytes[first] === ZERO && (digits > 1 || negative)) return false;
  const split = Math.max(first, end - 9);
  const top = digitsValue(bytes, first, split);
  const rest = digitsValue(bytes, split, end);
  if (top < 0 || rest < 0) return false;
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
  if (high >= TWO_32 / 2 || high < -TWO_32 / 2) return false;
  out.high = high | 0;
  out.low = low | 0;
  return true;
}

/**
 * @returns the number that the digits [from, to) spell, 0 for none; -1 when one is no digit.
 */
function digitsValue(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
