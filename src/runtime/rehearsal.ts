/**
 * A partition's recovery, rehearsed: one checkpoint is restored and replayed to an offset, by the
 * code that recovers a partition, into stores of its own. Nothing is committed or sealed (R1).
 */
import { assert } from '../core/assert.ts';
import type { CheckpointChain, Manifest, TaskCheckpoints } from '../core/checkpoint.ts';
import type { DigestAt } from '../core/drill.ts';
import { codeOf, ShrikeError } from '../core/errors.ts';
import type { Offset } from '../core/ids.ts';
import { unpackActors } from '../core/packed-actors.ts';
import type { ActorStore, StateDigester } from '../core/state.ts';
import type { CommitPort, EventSink, Restored, TaskParts } from './ports.ts';
import { ProfileReader } from './profile-reader.ts';
import { restore } from './restore.ts';
import { Session } from './session.ts';
import { createWorkerHistograms, TaskCounters } from './task-counters.ts';

const SCAN_BLOCK_BYTES = 1 << 20;

export interface RehearsalOptions<E> {
  /** `stores` are scratch: what is in them is lost. */
  readonly parts: TaskParts<E>;
  readonly partition: number;
  readonly manifest: Manifest;
  /** Committed; the digest is that of the state here. */
  readonly target: Offset;
  readonly createDigester: () => StateDigester;
  readonly signal: AbortSignal;
}

export interface Rehearsed {
  readonly found: DigestAt;
  readonly restoreSeconds: number;
  readonly profilesSeconds: number;
  readonly replaySeconds: number;
  readonly replayedRecords: number;
}

/**
 * @throws CHECKPOINT_CORRUPT, CHECKPOINT_NOT_FOUND when it is deleted meanwhile,
 * CHECKPOINT_NONE_USABLE when the log no longer reaches back to it, REPLAY_NO_PROGRESS, and
 * whatever the log or the store says
 */
export async function rehearse<E>(options: RehearsalOptions<E>): Promise<Rehearsed> {
  const { partition, parts } = options;
  assert(options.manifest.nextOffset <= options.target, 'a checkpoint is replayed forwards');
  const started = performance.now();
  try {
    const restored = await restoreOne(options);
    const restoreSeconds = secondsSince(started);
    return { ...(await replayed(options, restored)), restoreSeconds };
  } finally {
    await parts.stores.destroy(partition);
  }
}

async function restoreOne<E>(options: RehearsalOptions<E>): Promise<Restored> {
  const { parts, partition, manifest, target } = options;
  const { earliest, highWatermark } = await parts.source.offsets(inputOf(options));
  const name = `checkpoint ${manifest.sequence} of partition ${partition}`;
  if (manifest.nextOffset < earliest) {
    const gap = `stands at offset ${manifest.nextOffset}, and the log begins at ${earliest}`;
    throw new ShrikeError('CHECKPOINT_NONE_USABLE', `${name} ${gap}`);
  }
  let damage: string | undefined;
  const emitEvent: EventSink = (level, event, facts) => {
    if (facts.code === 'CHECKPOINT_CORRUPT') damage = String(facts.reason);
    parts.emitEvent(level, event, facts);
  };
  const checkpoints = onlyThis(parts.checkpoints, manifest);
  const position = { committed: target, earliest, highWatermark };
  const restored = await restore(
    { ...parts, checkpoints, emitEvent, onProgress: () => undefined },
    partition,
    position,
  ).catch((error: unknown) => {
    // Without the one checkpoint there is nothing to restore: why it is not there says more.
    if (damage !== undefined) return undefined;
    if (codeOf(error) === 'CHECKPOINT_NONE_USABLE') return undefined;
    throw error;
  });
  if (restored?.from === 'checkpoint') return restored;
  await restored?.store.close();
  if (damage !== undefined) throw new ShrikeError('CHECKPOINT_CORRUPT', damage);
  throw new ShrikeError('CHECKPOINT_NOT_FOUND', `${name} was deleted while it was restored`);
}

async function replayed<E>(
  options: RehearsalOptions<E>,
  restored: Restored,
): Promise<Omit<Rehearsed, 'restoreSeconds'>> {
  const { parts, partition, manifest, target, signal } = options;
  const counters = new TaskCounters(parts.clock, createWorkerHistograms());
  const profiles = parts.createProfiles();
  const profileReader = new ProfileReader({ ...parts, ...parts.limits, profiles, partition });
  const stopping = () => signal.aborted;
  const session = new Session<E>({
    parts: { ...parts, checkpoints: onlyThis(parts.checkpoints, manifest) },
    partition,
    restored,
    position: { ...(await parts.source.offsets(inputOf(options))), committed: target },
    commits: NO_COMMITS,
    counters,
    profiles,
    profileReader,
    stopping,
  });
  try {
    let started = performance.now();
    await profileReader.catchUp(stopping);
    const profilesSeconds = secondsSince(started);
    started = performance.now();
    await session.replay();
    const replaySeconds = secondsSince(started);
    if (stopping()) throw new ShrikeError('DRILL_FAILED', 'the drill was interrupted');
    await session.checkpoints.finish(session.position);
    const found = await digestOf(restored.store, options.createDigester());
    const { replayedRecords } = counters;
    return { found, profilesSeconds, replaySeconds, replayedRecords };
  } finally {
    await session.end();
  }
}

/** R2: from the stored actors alone, whatever the checkpoint says that they add up to. */
async function digestOf(store: ActorStore, digester: StateDigester): Promise<DigestAt> {
  let actorCount = 0;
  try {
    for await (const block of store.scan(SCAN_BLOCK_BYTES)) {
      for (const [key, bytes] of unpackActors(block)) {
        digester.add(key, bytes);
        actorCount += 1;
      }
    }
  } catch (error) {
    // A scan ends so when the actors are not those of the meta, which holds what the manifest
    // said: that is the difference that a drill is to find.
    if (codeOf(error) !== 'STATE_CORRUPT' || actorCount === 0) throw error;
  }
  return { nextOffset: store.meta?.nextOffset ?? 0, digest: digester.hex(), actorCount };
}

/** The checkpoints, if there were no other; what is sealed onto it goes nowhere. */
function onlyThis(checkpoints: TaskCheckpoints, manifest: Manifest): TaskCheckpoints {
  const chain: CheckpointChain = {
    newest: manifest,
    seal: async ({ meta }) => ({ ...manifest, nextOffset: meta.nextOffset }),
    retain: async () => [],
  };
  let isKnown = true;
  return {
    open: async () => chain,
    async *newestFirst(of) {
      // Retention may have dropped the manifest since it was chosen; its segments stay for a while.
      // Only when they cannot be read is it asked whether it is damaged, or no more.
      if (isKnown) {
        isKnown = false;
        yield { key: String(manifest.sequence), manifest };
        return;
      }
      for await (const one of checkpoints.newestFirst(of)) {
        if ('manifest' in one && one.manifest.sequence === manifest.sequence) yield one;
      }
    },
    read: (one) => checkpoints.read(one),
  };
}

const NO_COMMITS: CommitPort = {
  position: async () => {
    throw new ShrikeError('DRILL_FAILED', 'a drill has no position in the group');
  },
  commit: async () => {
    throw new ShrikeError('DRILL_FAILED', 'a drill commits nothing');
  },
  sync: async () => undefined,
};

function inputOf<E>({ parts, partition }: RehearsalOptions<E>) {
  return { topic: parts.inputTopic, partition };
}

function secondsSince(startedMs: number): number {
  return (performance.now() - startedMs) / 1000;
}
