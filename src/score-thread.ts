/** Entry of a scorer thread: piscina calls `score`. */
import { loadProgram } from './program.ts';
import type * as scoring from './programs/score-thread.ts';

const program = loadProgram<typeof scoring>('score-thread');
export const score = await program.main();
