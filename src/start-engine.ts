/** How an engine is started: its threads first, which load their code while this one does. */
import { threadsOf } from './budgets.ts';
import type { Engine } from './engine.ts';
import type { EngineOptions } from './engine-parts.ts';
import { growHeapsLess } from './heap-limits.ts';
import { brokersOf } from './kafka.ts';
import { ActorThreads } from './worker-thread.ts';

/** @throws what Engine.start throws */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { config } = options;
  const kafka = brokersOf(config);
  const threads = new ActorThreads(kafka, config, threadsOf(config).workers);
  try {
    const { Engine } = await import('./engine.ts');
    const engine = await Engine.start({ ...options, kafka, threads });
    growHeapsLess();
    return engine;
  } catch (error) {
    await threads.close();
    throw error;
  }
}
