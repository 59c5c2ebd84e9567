/** Entry of a scorer thread (piscina): wires the model to the pool's calls. */
import { readFile } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import { openScoreTask } from './scoring/score-task.ts';

const FOREST = new URL('./scoring/trees/forest.wasm', import.meta.url);

export const score = await openScoreTask(
  workerData,
  await WebAssembly.compile(await readFile(FOREST)),
);
