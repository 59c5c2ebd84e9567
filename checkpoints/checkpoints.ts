/** The checkpoints of an application in an object store: seal them, list them, read them back. */
import type {
  CheckpointChain,
  Checkpoints,
  ListedManifest,
  Manifest,
} from '../src/core/checkpoint.ts';
import { ShrikeError } from '../src/core/errors.ts';
import type { TopicPartition } from '../src/core/ids.ts';
import type { PackedActors } from '../src/core/state.ts';
import { availableStore } from './available-store.ts';
import { type ChainOptions, SerialChain } from './chain.ts';
import { manifestSequence, partitionPrefix } from './keys.ts';
import { parseManifest } from './manifest.ts';
import { keyOf } from './protocol.ts';
import { decodeSegment } from './segment.ts';

/**
 * Segments under way while one is restored. A distant store takes as long to find an object as this
 * program to restore a small one; of large ones no more than 48 MiB are in memory.
 */
const READ_AHEAD = 2;

export type CheckpointsOptions = ChainOptions;

export function openCheckpoints(options: CheckpointsOptions): Checkpoints {
  const store = availableStore(options.store);
  const safe = { ...options, store };
  return {
    open: (of) => openChain(safe, of),
    list: (of) => listManifests(safe, of),
    newestFirst: (of) => manifestsOneByOne(safe, of),
    read: (manifest) => readSegments(safe, manifest),
  };
}

async function openChain(options: ChainOptions, of: TopicPartition): Promise<CheckpointChain> {
  const keys = await manifestKeys(options, of);
  const sequence = keys[0] === undefined ? 0 : (manifestSequence(keys[0]) ?? 0);
  let newest: Manifest | undefined;
  for (const key of keys) {
    const listed = await readManifest(options, key);
    if (listed === undefined || 'damage' in listed) continue;
    newest = listed.manifest;
    break;
  }
  requireSameLog(options, newest);
  return new SerialChain(options, { of, newest, sequence });
}

/** Newest first; what is no manifest by its name comes last. */
async function manifestKeys(
  { store, application }: ChainOptions,
  of: TopicPartition,
): Promise<string[]> {
  const summaries = await store.list(`${partitionPrefix(application, of)}manifests/`);
  const order = (key: string) => manifestSequence(key) ?? -1;
  return summaries.map(({ key }) => key).sort((a, b) => order(b) - order(a));
}

async function listManifests(
  options: ChainOptions,
  of: TopicPartition,
): Promise<readonly ListedManifest[]> {
  const keys = await manifestKeys(options, of);
  const all = await Promise.all(keys.map((key) => readManifest(options, key)));
  const listed = all.filter((one) => one !== undefined);
  const newest = listed.find((one) => 'manifest' in one);
  requireSameLog(options, newest?.manifest);
  return listed;
}

async function* manifestsOneByOne(
  options: ChainOptions,
  of: TopicPartition,
): AsyncGenerator<ListedManifest> {
  let isNewest = true;
  for (const key of await manifestKeys(options, of)) {
    const listed = await readManifest(options, key);
    if (listed === undefined) continue;
    if (isNewest && 'manifest' in listed) {
      requireSameLog(options, listed.manifest);
      isNewest = false;
    }
    yield listed;
  }
}

/**
 * Offsets of one log mean nothing in another, and a log that is read by mistake must not replace
 * the checkpoints of the right one.
 */
function requireSameLog({ log }: ChainOptions, newest: Manifest | undefined): void {
  if (newest?.log === undefined || log === undefined || newest.log === log) return;
  throw new ShrikeError(
    'CHECKPOINT_OF_OTHER_LOG',
    `checkpoint ${keyOf(newest)} was made from the log ${newest.log}, and this one is ${log}`,
  );
}

/** @returns undefined when retention has deleted it since it was listed. */
async function readManifest(
  { store }: ChainOptions,
  key: string,
): Promise<ListedManifest | undefined> {
  if (manifestSequence(key) === undefined) return { key, damage: 'not the name of a manifest' };
  const body = await store.get(key);
  if (body === undefined) return undefined;
  const parsed = parseManifest(key, body);
  return 'damage' in parsed ? { key, damage: parsed.damage } : { key, manifest: parsed.manifest };
}

async function* readSegments(
  { store, clock }: ChainOptions,
  manifest: Manifest,
): AsyncGenerator<PackedActors> {
  const bodies = aheadOf(manifest.segments, ({ key }) => store.get(key));
  for (const [index, segment] of manifest.segments.entries()) {
    const body = await bodies(index);
    const actors = body && (await decodeSegment(body, segment, clock));
    if (actors instanceof Uint8Array) {
      yield actors;
      continue;
    }
    throw new ShrikeError(
      'CHECKPOINT_CORRUPT',
      `checkpoint ${keyOf(manifest)}: segment ${segment.key}: ` +
        (actors?.damage ?? 'it is not in the store'),
    );
  }
}

/** Results in order, the next ones being on their way while one is in use. */
function aheadOf<T, R>(
  items: readonly T[],
  start: (item: T) => Promise<R>,
): (index: number) => Promise<R> {
  const started = new Map<number, Promise<R>>();
  let next = 0;
  return (index) => {
    for (; next < items.length && next <= index + READ_AHEAD; next++) {
      const one = start(items[next] as T);
      // Who reads no further is not told of it; who does gets the error from the promise itself.
      one.catch(() => undefined);
      started.set(next, one);
    }
    const one = started.get(index) as Promise<R>;
    // What was handed out is no longer held here: it may be 16 MiB.
    started.delete(index);
    return one;
  };
}
