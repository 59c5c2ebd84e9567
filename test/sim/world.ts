/**
 * The whole engine in simulated time: real coordinator, tasks, committer, tables, chain and
 * operators over memory that outlives a crash. The seed decides what happens next, what fails and
 * what dies.
 */
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import {
  ALERTS_TOPIC,
  CardUserProfiles,
  cardFraudFlow,
  FEATURE_ORDER,
  FEATURE_SET,
  type Payment,
  SCORED_TOPIC,
  ZipTable,
} from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import { type Flow, Stepper } from '../../src/core/flow.ts';
import type { TopicSpec } from '../../src/core/log.ts';
import type { Envelope } from '../../src/core/messages.ts';
import { type Random, seeded } from '../../src/core/random.ts';
import { packRecords } from '../../src/core/records.ts';
import type { Model, Scorer } from '../../src/core/scoring.ts';
import type { WorkerStats } from '../../src/core/telemetry.ts';
import { ActorWorker } from '../../src/runtime/actor-worker.ts';
import { Coordinator } from '../../src/runtime/coordinator.ts';
import type { TaskLimits } from '../../src/runtime/ports.ts';
import type { WorkerThread } from '../../src/runtime/worker-seat.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { createActorTable } from '../../state/actor-table.ts';
import { describeActor } from '../../state/actor-view.ts';
import { type MemoryDisk, MemoryStores } from '../../state/memory-store.ts';
import { DurableLog, MemoryLog } from '../support/memory-log.ts';
import {
  type DurableObjects,
  type ObjectFaults,
  type ObjectOperation,
  openMemoryObjectStore,
} from '../support/memory-object-store.ts';
import { gated, Mortal, Scheduler } from './scheduler.ts';

export const PARTITIONS = 3;
export const APPLICATION = 'sim';
export const INPUT = 'transactions';
export const DEAD_LETTERS = 'dead_letters';

const TOPICS: readonly TopicSpec[] = [
  ...[INPUT, SCORED_TOPIC, ALERTS_TOPIC, DEAD_LETTERS].map((topic) => ({
    topic,
    partitions: PARTITIONS,
    cleanup: 'delete' as const,
    retentionMs: 0,
  })),
  ...['users', 'cards'].map((topic) => ({
    topic,
    partitions: PARTITIONS,
    cleanup: 'compact' as const,
    retentionMs: 0,
  })),
];

const LIMITS: TaskLimits = {
  batchRecordsMax: 7,
  inFlightBatchesMax: 3,
  fetchBytesMax: 2000,
  dirtyBytesMax: 4000,
  checkpointIntervalMs: 60,
  backlogBytesMax: 4000,
  replayNoProgressMs: 100_000,
  pollMs: 20,
  backoffMsMax: 50,
};

/** Chances of each fault, per place where it can happen. */
export interface Faults {
  readonly commitFailsBefore: number;
  readonly commitFailsAfter: number;
  readonly storeWriteFails: number;
  readonly objectStoreFails: number;
  readonly scoringFails: number;
  /** Per step of the world. */
  readonly workerDies: number;
  readonly processDies: number;
  /** When a process dies: chances that the disk, or its last writes, go with it. */
  readonly diskIsLost: number;
  readonly writesAreTorn: number;
  /** The log loses what it has not synced, too: a power cut on a log with `sync: interval`. */
  readonly powerIsCut: number;
  /** Per object read: a worker dies in the middle of a restore. */
  readonly restoreDies: number;
}

export const MODEL: Model = {
  modelId: 'sim',
  threshold: 0.8,
  featureSet: FEATURE_SET,
  features: FEATURE_ORDER,
};

export const ZIPS = ZipTable.load();

/** A stand-in for the model: depends on every feature, and on nothing else. */
export function simScores(rows: Float32Array, count: number): Float32Array {
  const width = FEATURE_ORDER.length;
  return Float32Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += (rows[i * width + k] as number) * (1 + k * 0.37);
    return Math.abs(Math.sin(sum));
  });
}

export function simFlow(): Flow<Payment> {
  return cardFraudFlow({ parse: parseJsonBatch, zips: ZIPS });
}

export function simProfiles(): CardUserProfiles {
  return new CardUserProfiles({ parse: parseJsonBatch, usersTopic: 'users', cardsTopic: 'cards' });
}

/** A release of the program: what it computes, and the form in which it writes state. */
export interface Release {
  readonly flow: Flow<Payment>;
  readonly schema: Flow<Payment>['stateSchema'];
}

export interface KeyedValue {
  readonly key: string;
  readonly value: string;
}

interface LivingProcess {
  readonly release: Release;
  readonly mortal: Mortal;
  readonly coordinator: Coordinator;
  readonly workers: Map<number, { readonly mortal: Mortal; readonly end: (e: Error) => void }>;
  readonly stats: Map<number, WorkerStats>;
}

export class World {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly log = new DurableLog();
  readonly disks = new Map<number, MemoryDisk>();
  readonly objects: DurableObjects = new Map();
  readonly happened: Record<string, number> = {};
  readonly #releases: readonly Release[];
  readonly #faults: Faults;
  #calm = false;
  #process: LivingProcess | undefined;
  #memoryLog: MemoryLog | undefined;
  #synced: DurableLog | undefined;

  /** @param releases of which each process is one, by chance; undefined: there is one */
  constructor(seed: number, faults: Faults, releases?: readonly Release[]) {
    const flow = simFlow();
    this.#releases = releases ?? [{ flow, schema: flow.stateSchema }];
    this.random = seeded(seed);
    this.scheduler = new Scheduler(this.random);
    this.#faults = faults;
  }

  /** No more faults: what has been broken is to mend. */
  calmDown(): void {
    this.#calm = true;
  }

  note(what: string): void {
    this.happened[what] = (this.happened[what] ?? 0) + 1;
  }

  #strikes(fault: keyof Faults): boolean {
    if (this.#calm || !this.random.chance(this.#faults[fault])) return false;
    this.note(fault);
    return true;
  }

  /** A producer outside the engine: it writes when it likes, and never dies. */
  async produce(topic: string, partition: number, values: readonly KeyedValue[]): Promise<void> {
    const timestampMs = this.scheduler.nowMs;
    const records = packRecords(values.map(({ key, value }) => ({ key, value, timestampMs })));
    await this.memoryLog.append([{ topic, partition, records }]);
  }

  /** The log as the newest process has opened it. */
  get memoryLog(): MemoryLog {
    this.#memoryLog ??= new MemoryLog(this.log, this.scheduler.clock(new Mortal()));
    return this.#memoryLog;
  }

  async prepare(): Promise<void> {
    await this.memoryLog.ensureTopics(TOPICS);
  }

  start(workers: number): void {
    const mortal = new Mortal();
    const clock = this.scheduler.clock(mortal);
    const raw = new MemoryLog(this.log, clock, {
      beforeCommit: () => this.#maybeFail('commitFailsBefore'),
      afterCommit: () => this.#maybeFail('commitFailsAfter'),
    });
    this.#memoryLog = raw;
    this.#synced ??= this.log.clone();
    const log = gated(raw, async (method, done) => {
      if (method === 'sync' && done) this.#synced = this.log.clone();
      await this.scheduler.gate(mortal);
    });
    const stats = new Map<number, WorkerStats>();
    const [first, ...others] = this.#releases as [Release, ...Release[]];
    const release = others.length === 0 ? first : this.random.pick(this.#releases);
    this.note(`level ${release.flow.stateLevel}`);
    const process: LivingProcess = {
      release,
      mortal,
      workers: new Map(),
      stats,
      coordinator: new Coordinator({
        log,
        clock,
        scorer: this.#scorer(mortal),
        application: APPLICATION,
        inputTopic: INPUT,
        workers,
        startWorker: (worker) => this.#startWorker(worker, process),
        commit: { minIntervalMs: 0, recordsMax: 50 },
        emitEvent: (_level, event) => this.note(event),
        onStats: (worker, of) => stats.set(worker, of),
      }),
    };
    this.#process = process;
    void process.coordinator.start();
  }

  #maybeFail(fault: keyof Faults): void {
    if (this.#strikes(fault)) throw new ShrikeError('COMMIT_FAILED', `simulated: ${fault}`);
  }

  #scorer(owner: Mortal): Scorer {
    return {
      score: async (rows, count) => {
        await this.scheduler.gate(owner, this.random.int(12));
        if (this.#strikes('scoringFails')) throw new ShrikeError('SCORING_FAILED', 'simulated');
        return { scores: simScores(rows, count), rows };
      },
    };
  }

  #startWorker(worker: number, process: LivingProcess): WorkerThread {
    const mortal = new Mortal(process.mortal);
    const clock = this.scheduler.clock(mortal);
    const [near, far] = this.#channel(mortal, process.mortal);
    const { flow, schema } = process.release;
    const stepper = new Stepper(flow, FEATURE_ORDER);
    const codec = new ActorCodec(flow, schema);
    let end: (error: Error) => void = () => undefined;
    const ended = new Promise<Error>((resolve) => {
      end = resolve;
    });
    process.workers.set(worker, { mortal, end });
    const stores = new MemoryStores(this.disks, {
      pause: () => this.scheduler.gate(mortal),
      faultOf: () => (this.#strikes('storeWriteFails') ? 'disk-full' : undefined),
    });
    const checkpoints = openCheckpoints({
      store: openMemoryObjectStore({
        objects: this.objects,
        faults: this.#objectFaults(mortal, (error) => {
          mortal.die();
          end(error);
        }),
        nowMs: () => this.scheduler.nowMs,
      }),
      application: APPLICATION,
      clock,
      keepCount: 2,
      compactAfterSegments: 3,
      backlogBytesMax: 3000,
    });
    new ActorWorker({
      worker,
      clock,
      channel: near,
      vitals: () => ({ heapBytes: 0, heapLimitBytes: 0, gcSeconds: 0, eventLoopDelayMsP99: 0 }),
      source: undefined,
      parts: {
        inputTopic: INPUT,
        deadLetterTopic: DEAD_LETTERS,
        stepper,
        model: MODEL,
        stores,
        checkpoints,
        openTable: (store) =>
          createActorTable({
            store: gated(store, () => this.scheduler.gate(mortal)),
            codec,
            clock,
            cacheBytesMax: 6000,
            createActor: () => stepper.createActor(),
            sliceActors: 2,
          }),
        createProfiles: () => simProfiles(),
        describe: (state) => describeActor(state, flow),
        limits: LIMITS,
      },
    });
    return { channel: far, ended, terminate: async () => mortal.die() };
  }

  #objectFaults(owner: Mortal, die: (error: Error) => void): ObjectFaults {
    const at = async (operation: ObjectOperation): Promise<void> => {
      if (operation === 'get' && this.#strikes('restoreDies')) die(new Error('simulated: died'));
      await this.scheduler.gate(owner, this.random.int(20));
      if (this.#strikes('objectStoreFails')) throw new Error('simulated: store is down');
    };
    return { before: at, after: at };
  }

  /** Messages arrive in order, some time later, unless either end has died. */
  #channel(a: Mortal, b: Mortal): [WorkerThread['channel'], WorkerThread['channel']] {
    const pipe = (to: Mortal) => {
      let listener: (envelope: Envelope) => void = () => undefined;
      let last: Promise<void> = Promise.resolve();
      const post = (envelope: Envelope, transfer: readonly ArrayBuffer[]) => {
        const arriving = structuredClone(envelope, { transfer: [...transfer] });
        const before = last;
        const gate = this.scheduler.gate(to);
        last = before.then(() => gate).then(() => listener(arriving));
      };
      return { post, listen: (l: typeof listener) => void (listener = l) };
    };
    const [toA, toB] = [pipe(a), pipe(b)];
    return [
      { post: toB.post, onMessage: toA.listen },
      { post: toA.post, onMessage: toB.listen },
    ];
  }

  /**
   * One step, and what may die in it.
   * @returns false when the process has died and is to be started.
   */
  async step(): Promise<boolean> {
    await this.scheduler.step();
    const process = this.#process;
    if (process === undefined) return false;
    if (this.#strikes('workerDies')) {
      const worker = this.random.pick([...process.workers.values()]);
      if (!worker.mortal.dead) {
        worker.mortal.die();
        worker.end(new Error('simulated: worker died'));
      }
    }
    if (!this.#strikes('processDies')) return true;
    this.#die(process);
    return false;
  }

  #die(process: LivingProcess): void {
    process.mortal.die();
    this.#process = undefined;
    if (this.#synced !== undefined && this.#strikes('powerIsCut')) this.log.restore(this.#synced);
    for (const [partition, disk] of this.disks) {
      if (this.#strikes('diskIsLost')) this.disks.delete(partition);
      else if (this.#strikes('writesAreTorn')) disk.loseWrites(1 + this.random.int(3));
    }
  }

  /** Every partition is live again, as far as the workers have reported. */
  get isLive(): boolean {
    const all = [...(this.#process?.stats.values() ?? [])].flatMap((s) => s.partitions);
    return all.length === PARTITIONS && all.every(({ phase }) => phase === 'live');
  }

  async stop(): Promise<void> {
    await this.scheduler.run(() => this.isLive, 200_000);
    const stopping = this.#process?.coordinator.stop();
    let done = false;
    void stopping?.then(() => {
      done = true;
    });
    await this.scheduler.run(() => done, 200_000);
  }

  get failedPartitions(): number {
    const all = [...(this.#process?.stats.values() ?? [])].flatMap((s) => s.partitions);
    return all.filter(({ phase }) => phase === 'failed').length;
  }
}
