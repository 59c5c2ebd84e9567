/** Entry of R1 on Shrike; it is loaded as `shrike` is. */
import { freeHeapsOfThreads } from '../../../src/heap-limits.ts';
import { loadProgram } from '../../../src/program.ts';
import type * as program from './processor-program.ts';

freeHeapsOfThreads();
await loadProgram<typeof program>('processor').main();
