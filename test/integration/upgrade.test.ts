/**
 * Two releases of the program in one group, on a real broker and a real MinIO: forwards, back, and
 * forwards for good. The newer one is a build of its own (`next-build.ts`); needs `npx tsc -b`.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { cardFraudFlow } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import type { Manifest } from '../../src/core/checkpoint.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import { unpackActors } from '../../src/core/packed-actors.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { DigestSum } from '../../state/digest.ts';
import { type CalmRun, calmRun, PARTITIONS } from '../chaos/calm.ts';
import { scoredAll } from '../chaos/chaos.ts';
import { Fleet, type Member } from '../chaos/fleet.ts';
import { EXACTLY_ONCE, verdictOf } from '../chaos/verdict.ts';
import { Load, World } from '../chaos/world.ts';
import { until } from '../support/command-line.ts';
import { buildNextRelease } from '../support/next-build.ts';
import { nextRelease } from '../support/next-release.ts';
import { s3Store, withEnvironment } from '../support/s3-stores.ts';

const APPLICATION = 'upgrade';
const PAYMENTS = 12_000;
const RATE_PER_SECOND = 600;
const PHASES = 6;

const folder = mkdtempSync(join(tmpdir(), 'shrike-upgrade-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The group, and what happens to it while a share of the payments comes in. */
class Scene {
  readonly world: World;
  readonly fleet: Fleet;
  readonly calm: CalmRun;
  readonly exits: (number | string | null)[] = [];
  readonly #next: string;
  #phase = 0;

  constructor(world: World, calm: CalmRun, next: string) {
    this.world = world;
    this.calm = calm;
    this.#next = next;
    this.fleet = new Fleet({
      folder,
      application: APPLICATION,
      bootstrap: world.kafka.proxiedBootstrap,
      store: world.storeSettings,
      env: world.minio.env,
    });
  }

  /** The phase's payments come meanwhile; it ends when they are scored. */
  async during(happens: () => Promise<void>): Promise<void> {
    const from = this.#phase++ / PHASES;
    const until = this.#phase / PHASES;
    const { calm, world } = this;
    const all = Array.from({ length: PARTITIONS }, (_, partition) =>
      calm.input.transactions.filter((record) => record.partition === partition),
    );
    const upTo = (share: number) => all.map(({ length }) => Math.round(share * length));
    const [first, last] = [upTo(from), upTo(until)];
    const transactions = all.flatMap((records, p) => records.slice(first[p], last[p]));
    const input = { ...calm.input, transactions };
    const load = new Load(world.kafka.bootstrap, { ...calm, input }, RATE_PER_SECOND);
    await happens();
    await load.done;
    const count = last.reduce((sum, one) => sum + one, 0);
    await scoredAll(world, APPLICATION, count);
  }

  old(name: string, disk?: string): Promise<Member> {
    return this.#live(this.fleet.start(name, disk));
  }

  next(name: string, disk?: string): Promise<Member> {
    return this.#live(this.fleet.start(name, disk, this.#next));
  }

  /** It has partitions, and works on one at least. */
  async #live(member: Member): Promise<Member> {
    await until(() => member.stderr.includes('partition is live') || !member.isRunning);
    if (!member.isRunning) throw new Error(member.stderr);
    return member;
  }

  async stop(member: Member): Promise<void> {
    this.exits.push(await member.end('SIGTERM'));
  }

  /** A command of the newer release. */
  async command(...args: readonly string[]): Promise<unknown> {
    const set = [`--set=application=${APPLICATION}`, ...this.world.storeSettings];
    const env = { ...process.env, ...this.world.minio.env };
    const ran = await promisify(execFile)(
      process.execPath,
      [this.#next, ...args, '--json', ...set],
      { env },
    );
    return JSON.parse(ran.stdout);
  }

  /** Of the newest checkpoints: their versions, and the state as the older release writes it. */
  async states(): Promise<readonly State[]> {
    const { minio } = this.world;
    return withEnvironment(minio.env, async () => {
      const checkpoints = openCheckpoints({
        ...{ store: await s3Store({ endpoint: minio.endpoint }), application: APPLICATION, clock },
        ...{ keepCount: 3, compactAfterSegments: 8, backlogBytesMax: 1 << 20 },
      });
      const states: State[] = [];
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const [newest] = await checkpoints.list({ topic: 'transactions', partition });
        if (newest === undefined || 'damage' in newest) throw new Error('no checkpoint');
        states.push(await stateOf(newest.manifest, checkpoints));
      }
      return states;
    });
  }
}

interface State {
  /** Of card_velocity. */
  readonly versions: readonly number[];
  readonly digest: string;
}

const flow = cardFraudFlow({ parse: parseJsonBatch });
const codec = new ActorCodec(nextRelease(flow), flow.stateSchema);

async function stateOf(
  manifest: Manifest,
  checkpoints: ReturnType<typeof openCheckpoints>,
): Promise<State> {
  const actors = new Map<number, Uint8Array>();
  for await (const block of checkpoints.read(manifest)) {
    for (const [key, bytes] of unpackActors(block)) actors.set(key, bytes.slice());
  }
  const digest = new DigestSum();
  for (const [key, bytes] of actors) {
    digest.add(key, codec.encode(codec.decode(key, bytes, manifest.schemas)));
  }
  const written = Object.values(manifest.schemas).flat();
  const versions = written.filter(({ name }) => name === 'card_velocity');
  return {
    versions: versions.map(({ version }) => version).sort((a, b) => a - b),
    digest: JSON.stringify(digest.hex()),
  };
}

async function ended({ process }: Member): Promise<number | null> {
  if (process.exitCode === null) await once(process, 'exit');
  return process.exitCode;
}

test('two releases in one group: every payment once, forwards, back, and forwards for good', async () => {
  const next = await buildNextRelease(join(folder, 'next'));
  const calm = await calmRun(folder, { payments: PAYMENTS, seed: 1 });
  const world = await World.start();
  const scene = new Scene(world, calm, next);
  try {
    await world.prepare(calm);
    await play(scene);
    const { kafka, minio } = world;
    const at = { bootstrap: kafka.bootstrap, minio };
    const verdict = await verdictOf(at, APPLICATION, calm);
    // Actors that were written since are in another form, of the same state.
    expect({ ...verdict, otherStates: [] }).toEqual(EXACTLY_ONCE);
    const states = await scene.states();
    expect(states.map(({ digest }) => digest)).toEqual(calm.digests);
    expect(states.every(({ versions }) => versions.includes(3))).toBe(true);
    expect(scene.exits.filter((exit) => exit !== 0)).toEqual([]);
  } finally {
    await scene.fleet.kill();
    await world.remove();
  }
}, 480_000);

async function play(scene: Scene): Promise<void> {
  let [a, b] = await Promise.all([scene.old('a'), scene.old('b')]);
  await scene.during(async () => undefined);

  // Rolling: one gives its partitions to the other, one comes back to its disk.
  await scene.during(async () => {
    await scene.stop(a);
    a = await scene.next('c');
    await scene.stop(b);
    b = await scene.next('b', b.disk);
  });

  // Back, from disks and checkpoints that the newer release has written.
  await scene.during(async () => {
    await b.end('SIGKILL');
    b = await scene.old('b', b.disk);
    await scene.stop(a);
    a = await scene.old('c', a.disk);
  });
  expect(new Set((await scene.states()).flatMap(({ versions }) => versions))).toEqual(new Set([2]));

  await scene.during(async () => {
    await scene.stop(a);
    a = await scene.next('a', a.disk);
    await scene.stop(b);
    b = await scene.next('b', b.disk);
  });
  expect(new Set((await scene.states()).flatMap(({ versions }) => versions))).toEqual(new Set([2]));

  // For good, with one of the older release among them.
  const late = await scene.old('late');
  await scene.during(async () => {
    expect(await scene.command('upgrade', 'finalise')).toMatchObject({ inForce: { level: 2 } });
    await scene.stop(a);
    a = await scene.next('a', a.disk);
    await scene.stop(b);
    b = await scene.next('b', b.disk);
  });
  await scene.during(async () => {
    await scene.stop(a);
    // It was given partitions that it cannot read, and left them to the other one.
    expect(await ended(late)).toBe(1);
    expect(late.stderr).toContain('state of operator card_velocity was written by version 3');
    const tooLate = scene.fleet.start('late', late.disk);
    expect(await ended(tooLate)).toBe(1);
    expect(tooLate.stderr).toContain(
      'the state is at level 2, finalised with Shrike 0.2.0; this program knows levels up to 1',
    );
    a = await scene.next('a', a.disk);
  });
  scene.exits.push(...(await scene.fleet.stop()));
}
