/** Entry of a scorer thread (piscina): wires the session to the pool's calls. */
import { workerData } from 'node:worker_threads';
import { openScoreTask } from './scoring/score-task.ts';

export const score = await openScoreTask(workerData);
