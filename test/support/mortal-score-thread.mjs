// A scorer thread that dies of a row whose first feature is 666, and at birth while the environment
// says so (a thread gets a copy of it when it starts): for tests of what survives it.
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

if (process.env.SHRIKE_TEST_STILLBORN === 'throw') throw new Error('stillborn');
if (process.env.SHRIKE_TEST_STILLBORN === 'exit') process.exit(1);
// Not before: ending a thread in the middle of loading ONNX Runtime may end the process.
const { openScoreTask } = await import('../../dist/src/scoring/score-task.js');
const forest = new URL('../../dist/src/scoring/trees/forest.wasm', import.meta.url);
const real = await openScoreTask(workerData, new WebAssembly.Module(readFileSync(forest)));

export async function score(call) {
  for (let row = 0; row < call.count; row++) {
    if (call.rows[row * workerData.width] === 666) process.exit(1);
  }
  return real(call);
}
