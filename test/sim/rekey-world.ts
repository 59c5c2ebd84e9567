/**
 * Re-keying in simulated time: the real rekeyer over a log that outlives a crash. The seed decides
 * what happens next, what fails, and when another one takes over.
 */
import { readPaymentUsers } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import { type Random, seeded } from '../../src/core/random.ts';
import { packRecords } from '../../src/core/records.ts';
import { Rekeyer } from '../../src/rekey/rekeyer.ts';
import { DurableLog, MemoryLog } from '../support/memory-log.ts';
import { recordsOf } from './oracle.ts';
import { gated, Mortal, Scheduler } from './scheduler.ts';

const INPUT = 'transactions';
const TARGET = 'transactions-by-user';
const DEAD_LETTERS = 'dead_letters';
const GROUP = 'sim-rekey';
/** Not the same, and no multiple: a partition of one has nothing to do with that of the other. */
const INPUTS = 4;
const TARGETS = 3;
const STEPS_MAX = 20_000;

export interface RekeyFaults {
  readonly commitFailsBefore: number;
  readonly commitFailsAfter: number;
  readonly readFails: number;
  /** Per step. */
  readonly processDies: number;
  readonly anotherTakesOver: number;
}

export const ROUGH: RekeyFaults = {
  commitFailsBefore: 0.05,
  commitFailsAfter: 0.05,
  readFails: 0.02,
  processDies: 0.003,
  anotherTakesOver: 0.003,
};

interface Sent {
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  readonly timestampMs: number;
  /** Undefined: nobody's. */
  readonly user: number | undefined;
}

export interface RekeyOutcome {
  readonly happened: Readonly<Record<string, number>>;
  readonly steps: number;
}

/** @throws with what differs; the caller says which seed it was */
export async function runRekeySeed(seed: number, count = 60): Promise<RekeyOutcome> {
  const world = new RekeyWorld(seed, ROUGH);
  await world.prepare();
  await world.start();
  while (world.sent.length < count || !(await world.isDone())) {
    if (world.sent.length < count && world.random.chance(0.1)) await world.produce();
    await world.step();
    if (world.scheduler.steps > STEPS_MAX / 2) world.calmDown();
    if (world.scheduler.steps > STEPS_MAX) throw new Error(`not done after ${STEPS_MAX} steps`);
  }
  await world.stop();
  world.compare();
  return { happened: world.happened, steps: world.scheduler.steps };
}

class RekeyWorld {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly sent: Sent[] = [];
  readonly happened: Record<string, number> = {};
  readonly #durable = new DurableLog();
  readonly #faults: RekeyFaults;
  #calm = false;
  #made = 0;
  #process = new Mortal();
  #log: MemoryLog;
  #rekeyers: Rekeyer[] = [];

  constructor(seed: number, faults: RekeyFaults) {
    this.random = seeded(seed);
    this.scheduler = new Scheduler(this.random);
    this.#faults = faults;
    this.#log = new MemoryLog(this.#durable, this.scheduler.clock(new Mortal()));
  }

  calmDown(): void {
    this.#calm = true;
  }

  async prepare(): Promise<void> {
    const common = { cleanup: 'delete' as const, retentionMs: 0 };
    await this.#log.ensureTopics([
      { topic: INPUT, partitions: INPUTS, ...common },
      { topic: TARGET, partitions: TARGETS, ...common },
      { topic: DEAD_LETTERS, partitions: TARGETS, ...common },
    ]);
  }

  /** A process, after the one before it has died. */
  async start(): Promise<void> {
    this.#process = new Mortal();
    this.#log = new MemoryLog(this.#durable, this.scheduler.clock(this.#process), {
      beforeCommit: () => this.#maybeFail('commitFailsBefore'),
      afterCommit: () => this.#maybeFail('commitFailsAfter'),
      beforeRead: () => this.#maybeFail('readFails'),
    });
    this.#rekeyers = [];
    this.#join();
  }

  /** One more member of the group: it takes all partitions from the one before. */
  #join(): void {
    const pass = () => this.scheduler.gate(this.#process);
    const rekeyer = new Rekeyer({
      log: gated(this.#log, pass),
      clock: this.scheduler.clock(this.#process),
      group: GROUP,
      inputTopic: INPUT,
      targetTopic: TARGET,
      deadLetterTopic: DEAD_LETTERS,
      partitions: TARGETS,
      readKeys: readPaymentUsers(parseJsonBatch),
      emitEvent: (_level, event) => this.#note(event),
      limits: {
        recordsMax: 5,
        minIntervalMs: 0,
        fetchBytesMax: 300,
        fetchBytesTotal: 1000,
        pollMs: 20,
        holdMs: 10,
        backoffMsMax: 50,
      },
    });
    this.#rekeyers.push(rekeyer);
    void rekeyer.start();
  }

  async produce(): Promise<void> {
    const partition = this.random.int(INPUTS);
    const together = Array.from({ length: 1 + this.random.int(4) }, () => this.#record(partition));
    this.sent.push(...together);
    await this.#log.append([{ topic: INPUT, partition, records: packRecords(together) }]);
  }

  #record(partition: number): Sent {
    const idx = this.#made++;
    const timestampMs = this.scheduler.nowMs - this.random.int(20);
    const common = { partition, key: `card-${this.random.int(9)}`, timestampMs };
    if (this.random.chance(0.1)) return { ...common, value: `not JSON ${idx}`, user: undefined };
    const user = this.random.int(7);
    return { ...common, value: `{"idx":${idx},"user":${user},"card":0}`, user };
  }

  async step(): Promise<void> {
    await this.scheduler.step();
    if (this.#strikes('processDies')) {
      this.#process.die();
      await this.start();
    } else if (this.#strikes('anotherTakesOver')) this.#join();
  }

  async isDone(): Promise<boolean> {
    const all = Array.from({ length: INPUTS }, (_, partition) => ({ topic: INPUT, partition }));
    const committed = await this.#log.committed(GROUP, all);
    for (const [i, of] of all.entries()) {
      if ((committed[i] ?? 0) < (await this.#log.offsets(of)).highWatermark) return false;
    }
    return true;
  }

  async stop(): Promise<void> {
    this.calmDown();
    let ended = 0;
    for (const rekeyer of this.#rekeyers) void rekeyer.stop().then(() => ended++);
    await this.scheduler.run(() => ended === this.#rekeyers.length, STEPS_MAX);
  }

  compare(): void {
    const got: string[] = [];
    for (let partition = 0; partition < TARGETS; partition++) {
      const lines = [...recordsOf(this.#durable, TARGET, partition)].map(
        ({ records, i, value }) =>
          `${partition} ${records.key(i)} ${records.timestampMs(i)} ${String(value)}`,
      );
      this.#compareOrder(partition, lines);
      got.push(...lines);
    }
    const wanted = this.sent.flatMap(({ user, timestampMs, value }) =>
      user === undefined ? [] : [`${user % TARGETS} ${user} ${timestampMs} ${value}`],
    );
    same('records', got.toSorted(), wanted.toSorted());
    same('dead letters', this.#deadLetters(), this.#wantedLetters());
  }

  /** Whatever is merged with it: a partition's records keep their order. */
  #compareOrder(target: number, lines: readonly string[]): void {
    for (let input = 0; input < INPUTS; input++) {
      const wanted = this.sent.flatMap(({ partition, user, value }) =>
        partition === input && user !== undefined && user % TARGETS === target ? [value] : [],
      );
      const own = new Set(wanted);
      const got = lines
        .map((line) => line.split(' ').slice(3).join(' '))
        .filter((value) => own.has(value));
      same(`order of ${INPUT}-${input} in ${TARGET}-${target}`, got, wanted);
    }
  }

  #deadLetters(): string[] {
    const letters: string[] = [];
    for (let partition = 0; partition < TARGETS; partition++) {
      for (const { value } of recordsOf(this.#durable, DEAD_LETTERS, partition)) {
        const letter = JSON.parse(String(value)) as { partition: number; value_base64: string };
        const original = Buffer.from(letter.value_base64, 'base64').toString();
        letters.push(`${partition} ${letter.partition} ${original}`);
      }
    }
    return letters.toSorted();
  }

  #wantedLetters(): string[] {
    return this.sent
      .flatMap(({ partition, user, value }) =>
        user === undefined ? [`${partition % TARGETS} ${partition} ${value}`] : [],
      )
      .toSorted();
  }

  #maybeFail(fault: keyof RekeyFaults): void {
    if (this.#strikes(fault)) throw new ShrikeError('COMMIT_FAILED', `simulated: ${fault}`);
  }

  #strikes(fault: keyof RekeyFaults): boolean {
    if (this.#calm || !this.random.chance(this.#faults[fault])) return false;
    this.#note(fault);
    return true;
  }

  #note(what: string): void {
    this.happened[what] = (this.happened[what] ?? 0) + 1;
  }
}

function same(what: string, actual: readonly string[], expected: readonly string[]): void {
  const at = expected.findIndex((line, i) => actual[i] !== line);
  if (at < 0 && actual.length === expected.length) return;
  const got = `${actual.length} instead of ${expected.length}`;
  throw new Error(`${what}: ${got}; at ${at} "${actual[at]}" instead of "${expected[at]}"`);
}
