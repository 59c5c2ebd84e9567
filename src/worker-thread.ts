/** Starts actor threads: a Node.js Worker as the coordinator sees it. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Config } from './core/config.ts';
import type { OperatorVersion } from './core/flow.ts';
import type { Model } from './core/scoring.ts';
import { freeHeapsOfThreads, heapLimits } from './heap-limits.ts';
import type { KafkaSettings } from './log/kafka/wire/settings.ts';
import type { WorkerThread } from './runtime/worker-seat.ts';
import { threadChannel } from './thread-channel.ts';

/** What an actor thread is born with. */
export interface EarlySetup {
  /** Brings the one ActorThreadSetup. */
  readonly setup: MessagePort;
  /** Of the brokers; undefined: the embedded log, through the main thread. */
  readonly kafka: KafkaSettings | undefined;
  readonly s3: Config['s3'];
}

/** Given to an actor thread when it is put to work. */
export interface ActorThreadSetup {
  readonly worker: number;
  readonly config: Config;
  readonly model: Model;
  /** In which state is written: the main thread has agreed on it with the group. */
  readonly schema: readonly OperatorVersion[];
  /** `Log.identity` of the input. */
  readonly logName: string;
  readonly folders: { readonly state: string; readonly checkpoints: string };
}

/** A thread that has loaded its code, and waits to be told what to do with it. */
interface WarmThread {
  readonly worker: Worker;
  readonly setup: MessagePort;
}

/**
 * Loading a thread's code takes a quarter of a second, and can be under way before the main thread
 * knows what the thread will have to do.
 */
export class ActorThreads {
  readonly #kafka: KafkaSettings | undefined;
  readonly #config: Pick<Config, 'memory' | 's3'>;
  readonly #warm: WarmThread[] = [];

  /** @param count threads that are made ready now */
  constructor(
    kafka: KafkaSettings | undefined,
    config: Pick<Config, 'memory' | 's3'>,
    count: number,
  ) {
    this.#kafka = kafka;
    this.#config = config;
    freeHeapsOfThreads();
    for (let i = 0; i < count; i++) this.#warm.push(this.#warmUp());
  }

  start(setup: ActorThreadSetup): WorkerThread {
    const { worker, setup: port } = this.#warm.pop() ?? this.#warmUp();
    worker.removeAllListeners('error');
    port.postMessage(setup);
    port.close();
    const ended = new Promise<Error | undefined>((resolve) => {
      let failure: Error | undefined;
      worker.on('error', (error: Error) => {
        failure = error;
      });
      worker.on('exit', () => resolve(failure));
    });
    return {
      channel: threadChannel(worker),
      ended,
      terminate: async () => {
        await worker.terminate();
      },
    };
  }

  /** Ends those that were not needed. */
  async close(): Promise<void> {
    await Promise.all(this.#warm.splice(0).map(({ worker }) => worker.terminate()));
  }

  #warmUp(): WarmThread {
    const { port1: setup, port2: port } = new MessageChannel();
    const { memory, s3 } = this.#config;
    const early: EarlySetup = { setup: port, kafka: this.#kafka, s3 };
    const worker = new Worker(new URL('./actor-thread.js', import.meta.url), {
      workerData: early,
      transferList: [port],
      name: 'shrike-actor',
      resourceLimits: heapLimits({
        oldBytes: memory.actorHeapBytes,
        youngBytes: memory.actorYoungBytes,
      }),
    });
    // One that fails before it is used fails again when it is: then somebody listens.
    worker.on('error', () => undefined);
    return { worker, setup };
  }
}
