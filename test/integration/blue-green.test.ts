/**
 * Two releases beside each other, as two applications: the newer one begins with a savepoint of the
 * older one's, is compared with it, and takes its place. On a real broker and a real MinIO; needs
 * `npx tsc -b`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import type { Manifest } from '../../src/core/checkpoint.ts';
import { type CalmRun, calmRun, PARTITIONS, shareOf } from '../chaos/calm.ts';
import { scoredAll } from '../chaos/chaos.ts';
import { Fleet } from '../chaos/fleet.ts';
import { EXACTLY_ONCE, verdictOf } from '../chaos/verdict.ts';
import { Load, World } from '../chaos/world.ts';
import { shrikeJson, startEngineIn } from '../support/command-line.ts';
import { buildNextRelease } from '../support/next-build.ts';
import { consumeAll, setOffsets } from '../support/rdkafka.ts';
import { releaseStates } from '../support/release-states.ts';

const RATE_PER_SECOND = 2000;

const folder = mkdtempSync(join(tmpdir(), 'shrike-blue-green-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a newer release begins with a savepoint beside the older one, is compared, and takes its place', async () => {
  const next = buildNextRelease(join(folder, 'next'));
  const calm = await calmRun(folder, { payments: 6000, seed: 2 });
  const world = await World.start();
  const fleets: Fleet[] = [];
  const green = (...settings: readonly string[]) => {
    const fleet = new Fleet({
      ...{ folder, application: 'green', bootstrap: world.kafka.proxiedBootstrap },
      // Beyond where it is switched, retention would else have dropped what it goes back to.
      store: [...world.storeSettings, '--set=checkpoints.keepCount=1000', ...settings],
      env: world.minio.env,
    });
    fleets.push(fleet);
    return fleet.start('green', join(folder, 'green'), next);
  };
  try {
    await world.prepare(calm);
    const load = (from: number, until: number) => paymentsCome(world, calm, { from, until });
    const blue = await startBlue(world);
    await scoredAll(world, 'blue', await load(0, 1 / 3));
    const data = ['--data', join(folder, 'blue')];
    await shrikeJson('checkpoint', 'create', '--name', 'fork', ...data);
    const copies = await copyFork(world, next);
    await setOffsets(world.kafka.bootstrap, 'green', copies.map(offsetOf));

    // Beside: both score what comes now, each into topics of its own.
    let other = green('--set=outputs.prefix=green-');
    const beside = await load(1 / 3, 2 / 3);
    const blueEnd = await scoredAll(world, 'blue', beside);
    await scoredAll(world, 'green', beside);
    const forked = copies.reduce((sum, { nextOffset }) => sum + nextOffset, 0);
    const [ours, theirs] = [await scoredIn(world, 'scored'), await scoredIn(world, 'green-scored')];
    expect(theirs).toHaveLength(beside - forked);
    expect(ours).toEqual(expect.arrayContaining([...theirs]));

    // In its place: from where the older one has stopped, into the same topics.
    expect((await blue.command.interrupt()).code).toBe(0);
    const all = await load(2 / 3, 1);
    await scoredAll(world, 'green', all);
    expect(await other.end('SIGTERM')).toBe(0);
    await setOffsets(world.kafka.bootstrap, 'green', blueEnd);
    other = green();
    await scoredAll(world, 'green', all);
    expect(await other.end('SIGTERM')).toBe(0);
    const at = { bootstrap: world.kafka.bootstrap, minio: world.minio };
    const verdict = await verdictOf(at, 'green', calm);
    expect({ ...verdict, otherStates: [] }).toEqual(EXACTLY_ONCE);
    const states = await releaseStates(world.minio, 'green', PARTITIONS);
    expect(states.map(({ digest }) => digest)).toEqual(calm.digests);
    // An application of its own has a level of its own.
    expect(states.every(({ versions }) => versions.includes(3))).toBe(true);
  } finally {
    for (const fleet of fleets) await fleet.kill();
    await world.remove();
  }
}, 480_000);

/** @returns how many payments there are then */
async function paymentsCome(
  world: World,
  calm: CalmRun,
  { from, until }: { readonly from: number; readonly until: number },
): Promise<number> {
  const share = shareOf(calm, from, until);
  await new Load(world.kafka, share, RATE_PER_SECOND).done;
  return share.until;
}

/** With an API, which savepoints are asked of. */
function startBlue({ kafka, minio, storeSettings }: World) {
  return startEngineIn(
    minio.env,
    join(folder, 'blue'),
    ...['--source', 'log', '--json', '--set', 'application=blue'],
    ...['--set', `kafka.bootstrap=${kafka.proxiedBootstrap}`, ...storeSettings],
  );
}

async function copyFork({ minio, storeSettings }: World, cli: string): Promise<Manifest[]> {
  const args = ['checkpoint', 'copy', '--name=fork', '--to=green', '--json'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [cli, ...args, '--set=application=blue', ...storeSettings],
    { env: { ...process.env, ...minio.env } },
  );
  return JSON.parse(stdout) as Manifest[];
}

const offsetOf = ({ topic, partition, nextOffset: offset }: Manifest) => ({
  topic,
  partition,
  offset,
});

async function scoredIn({ kafka }: World, topic: string): Promise<readonly string[]> {
  return (await consumeAll(kafka.bootstrap, topic)).map(({ value }) => String(value));
}
