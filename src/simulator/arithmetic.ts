/**
 * Arithmetic that gives the same bits on every machine: only +, -, *, / and integer operations.
 * Math.exp, Math.log and Math.pow may differ in the last bit between versions of the engine.
 */
import { type Random, seeded } from '../core/random.ts';

function scramble(key: number): number {
  // The finaliser of MurmurHash3 (Austin Appleby, public domain).
  let h = key;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A hash of up to three integers, in [0, 2^32): what is derived by it need not be stored. */
export function hash(a: number, b: number, c = 0): number {
  const first = scramble(Math.imul(a, 0x9e3779b1) + b);
  return scramble(Math.imul(first, 0x85ebca77) + c) >>> 0;
}

/** A hash as a number in [0, 1). */
export function unit(h: number): number {
  return h / 2 ** 32;
}

/** The stream of random numbers that belongs to (a, b): any of them can be made on its own. */
export function randomOf(salt: number, a: number, b: number): Random {
  return seeded(hash(salt, a, b) + 2 ** 32 * (hash(b, a, salt) & 0x1fffff));
}

/** A distribution by its quantiles, linear between them. `at` ascends from 0 to 1. */
export interface Quantiles {
  readonly at: readonly number[];
  readonly values: readonly number[];
}

/** The value below which the share u lies. */
export function quantile({ at, values }: Quantiles, u: number): number {
  let i = 1;
  while (i < at.length - 1 && u >= (at[i] as number)) i++;
  const [low, high] = [values[i - 1] as number, values[i] as number];
  const [from, to] = [at[i - 1] as number, at[i] as number];
  return low + ((high - low) * (u - from)) / (to - from);
}

/** Roughly normal: mean 0, deviation 1, within [-3, 3] (the sum of three uniform numbers). */
export function bell(random: Random): number {
  return 2 * (random.next() + random.next() + random.next() - 1.5);
}

/** e^-x for 0 <= x <= 20, relative error below 0.2 x^2 %. */
function decay(x: number): number {
  let y = 1 - x / 1024;
  for (let i = 0; i < 10; i++) y *= y;
  return y;
}

/** A count with this mean (Knuth's product of uniforms; fit for means up to 20). */
export function poisson(random: Random, mean: number): number {
  const limit = decay(mean);
  let count = 0;
  for (let product = random.next(); product > limit; product *= random.next()) count++;
  return count;
}

/** Weights made ready for draws: running sums that end in 1. */
export function cumulative(weights: readonly number[]): Float64Array {
  const sums = new Float64Array(weights.length);
  let sum = 0;
  for (const [i, weight] of weights.entries()) sums[i] = sum += weight;
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) / sum;
  sums[sums.length - 1] = 1;
  return sums;
}

/** The index drawn by u in [0, 1): the first whose running sum passes u. */
export function drawn(sums: Float64Array, u: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (u < (sums[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
