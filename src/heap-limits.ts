/** What a thread is told about the sizes of its heap. */
import { setFlagsFromString } from 'node:v8';
import type { ResourceLimits } from 'node:worker_threads';

const MIB = 1 << 20;

/**
 * How much the old generation may grow, in percent of what is alive, before it is marked again. V8
 * sizes this by how fast old objects are made, which here is slowly, and takes the least, 1.3-fold;
 * but it counts buffers that come and go as growth too, and those do so by tens of megabytes. On
 * the main thread, with 18 MB alive, that was a marking every 150 ms (51 in a drain, 5 with this).
 */
const HEAP_GROWTH_PERCENT = 200;

/** Bytes; an `oldBytes` of 0 leaves the old generation to V8. */
export interface HeapBytes {
  readonly oldBytes: number;
  readonly youngBytes: number;
}

export function heapLimits({ oldBytes, youngBytes }: HeapBytes): ResourceLimits {
  return {
    maxYoungGenerationSizeMb: youngBytes / MIB,
    ...(oldBytes > 0 && { maxOldGenerationSizeMb: oldBytes / MIB }),
  };
}

/**
 * Sizes on the command line of Node.js are flags of the whole process: V8 prefers them to what a
 * thread is given. The main thread's heap has been made by now, and does not look at them again.
 */
export function freeHeapsOfThreads(): void {
  setFlagsFromString('--max-old-space-size=0');
  setFlagsFromString('--max-semi-space-size=0');
}

/**
 * Of the whole process, and not before its threads have loaded: V8 refuses code that was compiled
 * under other flags, that of Node.js's own modules too, which takes a thread 50 ms to compile.
 */
export function growHeapsLess(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
}
