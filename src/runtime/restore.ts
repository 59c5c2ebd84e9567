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
  const failed = new Map<number, string>();
  const damage = new DamageReports(parts, partition);
  for (;;) {
    // Anew after each failure: an owner that is about to lose the partition may have sealed newer
    // checkpoints, and deleted the one that was being read.
    const manifests: Manifest[] = [];
    const sealed: Offset[] = [];
    const planned = () => planRestore({ committed, earliest, local: undefined, sealed });
    for await (const manifest of sealedManifests(parts, { partition, failed, damage })) {
      manifests.push(manifest);
      sealed.push(manifest.nextOffset);
      if (planned().kind === 'checkpoint') break;
    }
    const plan = planned();
    switch (plan.kind) {
      case 'refuse': {
        const where = `partition ${partition}: the log holds ${earliest} to ${committed}, checkpoints are at ${sealed.join(', ') || 'none'}`;
        // What went while it was read was whole; the next attempt knows a newer K.
        const isGone = [...failed.keys()].some((sequence) => !damage.isToldOf(nameOf(sequence)));
        throw new ShrikeError(isGone ? 'CHECKPOINT_CORRUPT' : plan.code, where);
      }
      case 'local':
      case 'start-empty':
        if (damage.count > 0) {
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
        const copied = await copyIn(parts, partition, manifest);
        if (!('reason' in copied)) {
          return { store: copied, offset: manifest.nextOffset, from: 'checkpoint' };
        }
        failed.set(manifest.sequence, copied.reason);
      }
    }
  }
}

interface Search {
  readonly partition: number;
  /** Sequence numbers of what could not be copied in, and why. */
  readonly failed: ReadonlyMap<number, string>;
  readonly damage: DamageReports;
}

/** Newest first, without those that failed: they are damaged if they are still there. */
async function* sealedManifests(
  { checkpoints, inputTopic }: RestoreParts,
  { partition, failed, damage }: Search,
): AsyncGenerator<Manifest> {
  for await (const listed of checkpoints.newestFirst({ topic: inputTopic, partition })) {
    if ('damage' in listed) {
      damage.report(listed.key, listed.damage);
      continue;
    }
    const reason = failed.get(listed.manifest.sequence);
    if (reason === undefined) yield listed.manifest;
    else damage.report(nameOf(listed.manifest.sequence), reason);
  }
}

/** @returns the reason when the checkpoint is damaged or was deleted meanwhile. */
async function copyIn(
  parts: RestoreParts,
  partition: number,
  manifest: Manifest,
): Promise<ActorStore | { readonly reason: string }> {
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
    return { reason: explain(error) };
  }
}

const nameOf = (sequence: number) => `checkpoint ${sequence}`;

/** Tells each damaged checkpoint once. */
class DamageReports {
  readonly #parts: RestoreParts;
  readonly #partition: number;
  readonly #keys = new Set<string>();

  constructor(parts: RestoreParts, partition: number) {
    this.#parts = parts;
    this.#partition = partition;
  }

  get count(): number {
    return this.#keys.size;
  }

  isToldOf(key: string): boolean {
    return this.#keys.has(key);
  }

  report(key: string, reason: string): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    const facts = { code: 'CHECKPOINT_CORRUPT', partition: this.#partition, key, reason };
    this.#parts.emitEvent('error', 'checkpoint is damaged; the one before it is used', facts);
  }
}
