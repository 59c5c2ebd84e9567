/** Load on a fleet while a seed decides what breaks; then the verdict. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '../../src/core/clock.ts';
import { seeded } from '../../src/core/random.ts';
import { KafkaAdmin } from '../../src/log/kafka/admin/admin.ts';
import { Cluster } from '../../src/log/kafka/cluster.ts';
import { bootstrapOf } from '../support/kafka-log.ts';
import type { GroupOffset } from '../support/rdkafka.ts';
import { calmRun, PARTITIONS } from './calm.ts';
import { Fleet, type Member, SESSION_TIMEOUT_MS, wipe } from './fleet.ts';
import { type Fault, type Step, schedule } from './schedule.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { Load, World } from './world.ts';

export interface ChaosOptions {
  readonly folder: string;
  readonly seed: number;
  readonly payments: number;
  readonly ratePerSecond: number;
  readonly outageMsMax: number;
  /** At most so many members at once. */
  readonly membersMax: number;
  /** Stops when it says so, and the load is through. */
  readonly enough: (faults: number) => boolean;
  readonly onFault?: (line: string) => void;
  /** In place of the seed's own. */
  readonly steps?: Iterable<Step>;
}

export interface ChaosReport {
  readonly faults: readonly string[];
  readonly verdict: Verdict;
  /** Ways in which members ended that nobody killed. */
  readonly exits: readonly (number | string | null)[];
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { folder, seed, payments } = options;
  const calm = await calmRun(folder, { payments, seed });
  const world = await World.start();
  const application = `chaos-${seed}`;
  const fleet = new Fleet({
    folder,
    application,
    bootstrap: world.kafka.proxiedBootstrap,
    store: world.storeSettings,
    env: world.minio.env,
  });
  try {
    await world.prepare(calm);
    const hand = new Hand(options, world, fleet);
    hand.start();
    const load = new Load(world.kafka, calm, options.ratePerSecond);
    const faults = await hand.wreak();
    await load.done;
    await scoredAll(world, application, calm.input.transactions.length);
    const exits = [...hand.exits, ...(await fleet.stop())];
    const { bootstrap } = world.kafka;
    const verdict = await verdictOf({ bootstrap, minio: world.minio }, application, calm);
    return { faults, verdict, exits };
  } finally {
    await fleet.kill();
    await world.remove();
  }
}

/** Breaks what the steps say, and puts it right again. */
class Hand {
  readonly #options: ChaosOptions;
  readonly #world: World;
  readonly #fleet: Fleet;
  readonly exits: (number | string | null)[] = [];
  #names = 0;

  constructor(options: ChaosOptions, world: World, fleet: Fleet) {
    this.#options = options;
    this.#world = world;
    this.#fleet = fleet;
  }

  start(): void {
    for (let i = 0; i < Math.min(2, this.#options.membersMax); i++) this.#startOne();
  }

  async wreak(): Promise<readonly string[]> {
    const { seed, outageMsMax, enough, folder, onFault } = this.#options;
    const steps =
      this.#options.steps ??
      schedule({ random: seeded(seed), sessionTimeoutMs: SESSION_TIMEOUT_MS, outageMsMax });
    const faults: string[] = [];
    for (const { waitMs, fault, who } of steps) {
      if (enough(faults.length)) break;
      await clock.sleep(waitMs);
      const running = this.#fleet.members;
      const member = running[Math.floor(who * running.length)] as Member;
      const line = `${JSON.stringify(fault)} ${member.name}`;
      faults.push(line);
      onFault?.(line);
      appendFileSync(join(folder, 'members.log'), `# ${line}\n`);
      await this.#strike(fault, member);
    }
    return faults;
  }

  #startOne(): Member {
    this.#names += 1;
    return this.#fleet.start(`m${this.#names}`);
  }

  async #strike(fault: Fault, member: Member): Promise<void> {
    const { kafka, minio, brokerRoutes, storeRoute } = this.#world;
    switch (fault.kind) {
      case 'kill':
        await member.end('SIGKILL');
        await clock.sleep(fault.downMs);
        if (fault.wipe) wipe(member);
        this.#fleet.start(member.name, member.disk);
        return;
      case 'freeze':
        return this.#freeze(member, fault);
      case 'restart':
        this.exits.push(await member.end('SIGTERM'));
        this.#fleet.start(member.name, member.disk);
        return;
      case 'scale':
        return this.#scale(member, fault.by);
      case 'broker restart':
        return kafka.restart();
      case 'broker kill':
        await kafka.kill();
        return kafka.start();
      case 'broker pause':
        kafka.pause();
        await clock.sleep(fault.forMs);
        return kafka.resume();
      case 'store down':
        await minio.stop();
        await clock.sleep(fault.forMs);
        return minio.start();
      case 'store cut':
        await storeRoute.cut();
        await clock.sleep(fault.forMs);
        return storeRoute.heal();
      case 'broker cut':
        for (const route of brokerRoutes) await route.cut();
        await clock.sleep(fault.forMs);
        for (const route of brokerRoutes) await route.heal();
        return;
      case 'broker slow':
        for (const route of brokerRoutes) await route.delay(fault.delayMs);
        await clock.sleep(fault.forMs);
        for (const route of brokerRoutes) await route.heal();
    }
  }

  /**
   * A zombie: stopped for longer than its session, and woken again. With a twin, which has taken
   * its name and an empty disk meanwhile, it is let live on for a while, as a node that comes back.
   */
  async #freeze(
    member: Member,
    { forMs, twin }: Extract<Fault, { kind: 'freeze' }>,
  ): Promise<void> {
    member.process.kill('SIGSTOP');
    await clock.sleep(forMs / 2);
    if (twin) this.#fleet.start(member.name);
    await clock.sleep(forMs / 2);
    member.process.kill('SIGCONT');
    if (!twin) return;
    await clock.sleep(SESSION_TIMEOUT_MS);
    await member.end('SIGKILL');
  }

  async #scale(member: Member, by: 1 | -1): Promise<void> {
    const { length } = this.#fleet.members;
    if (length === 1 || (by === 1 && length < this.#options.membersMax)) this.#startOne();
    else this.exits.push(await member.end('SIGTERM'));
  }
}

/** Resolves when the group has committed so many payments. @returns its offsets, by partition */
export async function scoredAll(
  world: World,
  application: string,
  payments: number,
): Promise<readonly GroupOffset[]> {
  const settings = bootstrapOf(world.kafka.bootstrap);
  const cluster = new Cluster({ settings, clock, requestTimeoutMs: 10_000 });
  const admin = new KafkaAdmin({ cluster, clock, replicationFactor: 1, patienceMs: 60_000 });
  const all = Array.from({ length: PARTITIONS }, (_, partition) => ({
    topic: 'transactions',
    partition,
  }));
  try {
    for (;;) {
      const committed = await admin.committed(application, all);
      // The payments were produced without transactions: offsets have no gaps.
      const done = committed.reduce<number>((sum, offset) => sum + (offset ?? 0), 0);
      if (done >= payments) return all.map((of, p) => ({ ...of, offset: committed[p] ?? 0 }));
      await clock.sleep(200);
    }
  } finally {
    await cluster.close();
  }
}
