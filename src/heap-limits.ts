/** What a thread is told about the sizes of its heap. */
import { setFlagsFromString } from 'node:v8';
import type { ResourceLimits } from 'node:worker_threads';

const MIB = 1 << 20;

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
