/** What a scorer thread (piscina) does: wires the model to the pool's calls. */
import { readFile } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import type { BundleFile } from '../scoring/bundle-format.ts';
import { openEvaluator } from '../scoring/evaluator.ts';
import { openScoreTask } from '../scoring/score-task.ts';
import { verdictOf } from '../scoring/trial.ts';

const FOREST = new URL('../scoring/trees/forest.wasm', import.meta.url);
const DEFAULT_BUNDLE = new URL('../../../models/default/', import.meta.url);

export const main = async () => openScoreTask(workerData, await forestModule());

async function forestModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(FOREST));
}

/** For the code beside the program: what reads a model and walks its trees. */
export async function loadLater(): Promise<void> {
  const model = await readFile(new URL('model.onnx', DEFAULT_BUNDLE));
  const text = await readFile(new URL('bundle.json', DEFAULT_BUNDLE), 'utf8');
  // Not by `readBundle`: schemas would be a large part of this program.
  const bundle = JSON.parse(text) as BundleFile;
  const { id: contentId, features } = bundle;
  const facts = { ...bundle, model, contentId, width: features.length, probes: [] };
  const verdict = verdictOf(bundle);
  await openEvaluator(
    { ...facts, verdict, folder: DEFAULT_BUNDLE.pathname, runtime: 'auto' },
    await forestModule(),
  );
}
