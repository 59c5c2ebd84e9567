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
import { type CalmRun, calmRun, PARTITIONS, shareOf } from '../chaos/calm.ts';
import { scoredAll } from '../chaos/chaos.ts';
import { Fleet, type Member } from '../chaos/fleet.ts';
import { EXACTLY_ONCE, verdictOf } from '../chaos/verdict.ts';
import { Load, World } from '../chaos/world.ts';
import { until } from '../support/command-line.ts';
import { buildNextRelease } from '../support/next-build.ts';
import { type ReleaseState, releaseStates } from '../support/release-states.ts';

const APPLICATION = 'upgrade';
const PAYMENTS = 10_000;
const RATE_PER_SECOND = 800;
const PHASES = 5;

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
    const share = shareOf(this.calm, this.#phase++ / PHASES, this.#phase / PHASES);
    const load = new Load(this.world.kafka, share, RATE_PER_SECOND);
    await happens();
    await load.done;
    await scoredAll(this.world, APPLICATION, share.until);
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

  states(): Promise<readonly ReleaseState[]> {
    return releaseStates(this.world.minio, APPLICATION, PARTITIONS);
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
}

async function ended({ process }: Member): Promise<number | null> {
  if (process.exitCode === null) await once(process, 'exit');
  return process.exitCode;
}

test('two releases in one group: every payment once, forwards, back, and forwards for good', async () => {
  const next = buildNextRelease(join(folder, 'next'));
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
    expect(states.some(({ versions }) => versions.includes(3))).toBe(true);
    expect(scene.exits.filter((exit) => exit !== 0)).toEqual([]);
  } finally {
    await scene.fleet.kill();
    await world.remove();
  }
}, 480_000);

async function play(scene: Scene): Promise<void> {
  let [a, b] = await Promise.all([scene.old('a'), scene.old('b')]);

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
    await until(async () => (await scene.states()).some(({ versions }) => versions.includes(3)));
    await Promise.all([scene.stop(a), scene.stop(b)]);
    // It was given partitions that it cannot read, and leaves them to whoever comes.
    expect(await ended(late)).toBe(1);
    expect(late.stderr).toContain('state of operator card_velocity was written by version 3');
    const tooLate = scene.fleet.start('late', late.disk);
    expect(await ended(tooLate)).toBe(1);
    expect(tooLate.stderr).toContain(
      'the state is at level 2, finalised with Shrike 0.2.0; this program knows levels up to 1',
    );
    await Promise.all([scene.next('a', a.disk), scene.next('b', b.disk)]);
  });
  scene.exits.push(...(await scene.fleet.stop()));
}
