/** What a scorer thread (piscina) does: wires the model to the pool's calls. */
import { readFile } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import { openScoreTask } from '../scoring/score-task.ts';

const FOREST = new URL('../scoring/trees/forest.wasm', import.meta.url);

export const main = async () =>
  openScoreTask(workerData, await WebAssembly.compile(await readFile(FOREST)));
