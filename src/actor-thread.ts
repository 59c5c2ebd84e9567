/** Entry of an actor thread. */
import { loadProgram } from './program.ts';
import type * as program from './programs/actor-thread.ts';

await loadProgram<typeof program>('actor-thread').main();
