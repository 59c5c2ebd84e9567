/** For the programmer's mistakes. What the world does wrong is a ShrikeError (`errors.ts`). */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/**
 * In the `default` of a switch over a closed union: the compiler proves that it is never reached.
 */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
