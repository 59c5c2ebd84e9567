/** Brings a partition's local store to an offset from which the log can be replayed to K. */
import type { Manifest } from '../core/checkpoint.ts';
import { codeOf, explain, ShrikeError } from '../core/errors.ts';
import type { Offset } from '../core/ids.ts';
import type { Position } from '../core/messages.ts';
import { packActors } from '../core/packed-actors.ts';
import { planRestore } from '../core/restore-plan.ts';
import type { ActorStore, StoreMeta } from '../core/state.ts';
import type { Restored, TaskParts } from './ports.ts';

/**
 * In place of L while a checkpoint is being copied in: such a store holds no state of any offset.
 */
const INCOMPLETE: Offset = -1;

interface RestoreParts
  extends Pick<TaskParts<unknown>, 'stores' | 'checkpoints' | 'inputTopic' | 'emitEvent'> {
  /** Called for each block that was copied in: a long restore is not a stuck one. */
  readonly onProgress: () => void;
}

export async function restore(
  parts: RestoreParts,
  partition: number,
  position: Position,
): Promise<Restored> {
  const local = await openUsable(parts, partition);
  const localOffset = local?.meta?.nextOffset;
  const { committed, earliest } = position;
  // A local store that is usable needs no look at the object store, which may be down.
  const plan = planRestore({ committed, earliest, local: localOffset, sealed: [] });
  if (local !== undefined && plan.kind === 'local') {
    return { store: local, offset: plan.replayFrom, from: 'local' };
  }
  if (localOffset !== undefined) {
    const why =
      localOffset > committed ? 'ahead of the log' : 'older than what the log still holds';
    const facts = {
      partition,
      local: localOffset,
      committed,
      earliest,
      code: 'STATE_AHEAD_OF_LOG',
    };
    parts.emitEvent('warn', `local state is ${why} and is set aside`, facts);
  }
  await local?.close();
  await parts.stores.destroy(partition);
  return fromCheckpoints(parts, partition, position);
}

async function openUsable(
  { stores, emitEvent }: RestoreParts,
  partition: number,
): Promise<ActorStore | undefined> {
  try {
    const store = await stores.open(partition);
    if (store.meta !== undefined && store.meta.nextOffset !== INCOMPLETE) return store;
    await store.close();
  } catch (error) {
    if (codeOf(error) !== 'STATE_CORRUPT') throw error;
    emitEvent('error', 'local state is corrupt and is set aside', {
      partition,
      code: 'STATE_CORRUPT',
      reason: explain(error),
    });
  }
  return undefined;
}

async function fromCheckpoints(
  parts: RestoreParts,
  partition: number,
  { committed, earliest }: Position,
): Promise<Restored> {
  const of = { topic: parts.inputTopic, partition };
  const manifests: Manifest[] = [];
  let damagedCount = 0;
  for (const listed of await parts.checkpoints.list(of)) {
    if ('manifest' in listed) manifests.push(listed.manifest);
    else {
      damagedCount += 1;
      reportDamage(parts, { partition, key: listed.key, reason: listed.damage });
    }
  }
  for (;;) {
    const sealed = manifests.map((manifest) => manifest.nextOffset);
    const plan = planRestore({ committed, earliest, local: undefined, sealed });
    switch (plan.kind) {
      case 'refuse':
        throw new ShrikeError(
          plan.code,
          `partition ${partition}: the log holds ${earliest} to ${committed}, checkpoints are at ${sealed.join(', ') || 'none'}`,
        );
      case 'local':
      case 'start-empty':
        if (damagedCount > 0) {
          parts.emitEvent('warn', 'no checkpoint is usable; the state is rebuilt from the log', {
            partition,
            replayFrom: plan.replayFrom,
          });
        }
        return {
          store: await parts.stores.open(partition),
          offset: plan.replayFrom,
          from: 'empty',
        };
      case 'checkpoint': {
        const manifest = manifests[plan.index] as Manifest;
        const store = await copyIn(parts, partition, manifest);
        if (store !== undefined) return { store, offset: manifest.nextOffset, from: 'checkpoint' };
        damagedCount += 1;
        manifests.splice(plan.index, 1);
      }
    }
  }
}

/** @returns undefined when the checkpoint is damaged: the one before it is next. */
async function copyIn(
  parts: RestoreParts,
  partition: number,
  manifest: Manifest,
): Promise<ActorStore | undefined> {
  const { digest, actorCount, schemas } = manifest;
  const meta: StoreMeta = { formatVersion: 1, nextOffset: INCOMPLETE, digest, actorCount, schemas };
  const store = await parts.stores.open(partition);
  try {
    for await (const block of parts.checkpoints.read(manifest)) {
      await store.write(block, meta);
      parts.onProgress();
    }
    await store.write(packActors([]), { ...meta, nextOffset: manifest.nextOffset });
    return store;
  } catch (error) {
    await store.close();
    await parts.stores.destroy(partition);
    if (codeOf(error) !== 'CHECKPOINT_CORRUPT') throw error;
    reportDamage(parts, {
      partition,
      key: `checkpoint ${manifest.sequence}`,
      reason: explain(error),
    });
    return undefined;
  }
}

interface Damage {
  readonly partition: number;
  readonly key: string;
  readonly reason: string;
}

function reportDamage({ emitEvent }: RestoreParts, damage: Damage): void {
  emitEvent('error', 'checkpoint is damaged; the one before it is used', {
    code: 'CHECKPOINT_CORRUPT',
    ...damage,
  });
}
