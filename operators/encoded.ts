/** Reading back what operators encode, and the exact short form of amounts. */
import { ShrikeError } from '../src/core/errors.ts';

export function corrupt(operator: string, what: string): ShrikeError {
  return new ShrikeError('STATE_CORRUPT', `state of ${operator} cannot be read: ${what}`);
}

/** The encoded value, proven to be an array of finite numbers, a multiple of `stride` of them. */
export function numbersOf(encoded: unknown, operator: string, stride = 1): readonly number[] {
  if (!Array.isArray(encoded) || encoded.length % stride !== 0) {
    throw corrupt(operator, `not an array of a multiple of ${stride}`);
  }
  for (const value of encoded) {
    if (!Number.isFinite(value)) throw corrupt(operator, `${String(value)} is no number`);
  }
  return encoded as number[];
}

/**
 * An amount as an integer number of cents where that gives back the same double (3 bytes in msgpack
 * instead of 9), else as it is. Nothing is ambiguous: an integer below 1e12 is always a number of
 * whole cents, so an amount that is none has a fraction.
 */
export function encodeAmount(amount: number): number {
  const cents = Math.round(amount * 100);
  return cents / 100 === amount ? cents : amount;
}

export function decodeAmount(encoded: number): number {
  return Number.isInteger(encoded) ? encoded / 100 : encoded;
}
