/**
 * Seals the checkpoints of one partition, one after the other.
 *
 *   snapshot -> backlog -> segments uploaded -> attempt (manifest written?) -> newest
 *                  ^ stays here while the store is down    ^ stays here while the answer is unknown
 *
 * An upload that failed may still have arrived. So a manifest that was once sent is sent again,
 * byte for byte, before anything else is sealed: either answer, written or equal to what is there,
 * says that it is sealed.
 */
import { assert, unreachable } from '../src/core/assert.ts';
import type { CheckpointChain, Manifest, SealOptions, SegmentRef } from '../src/core/checkpoint.ts';
import type { Clock } from '../src/core/clock.ts';
import { ShrikeError } from '../src/core/errors.ts';
import type { TopicPartition } from '../src/core/ids.ts';
import { LIMITS } from '../src/core/limits.ts';
import type { ObjectStore } from '../src/core/object-store.ts';
import type { PackedActors, Snapshot } from '../src/core/state.ts';
import { type ActorBlock, regroupActors, splitActors } from './actor-block.ts';
import { manifestSequence, partitionPrefix, segmentKey } from './keys.ts';
import { encodeManifest, parseManifest } from './manifest.ts';
import { keyOf, nextManifest, planRetention, planSeal } from './protocol.ts';
import { encodeSegment } from './segment.ts';

export interface ChainOptions {
  readonly store: ObjectStore;
  readonly application: string;
  /** `Log.identity` of the input, sealed with each manifest. Absent: any log will do. */
  readonly log?: string;
  readonly clock: Clock;
  readonly keepCount: number;
  readonly compactAfterSegments: number;
  readonly backlogBytesMax: number;
  /** How long segments stay that no manifest names any more; 0 when absent. */
  readonly graceMs?: number;
  /**
   * Bytes of packed actors of one segment; LIMITS.segmentBytesMax unless a test wants many
   * segments.
   */
  readonly segmentBytesMax?: number;
}

/** What `Checkpoints.open` has found. */
export interface ChainStart {
  readonly of: TopicPartition;
  readonly newest: Manifest | undefined;
  /** The highest number in use, also by a manifest that cannot be read. */
  readonly sequence: number;
}

export class SerialChain implements CheckpointChain {
  readonly #options: ChainOptions;
  readonly #of: TopicPartition;
  readonly #prefix: string;
  #newest: Manifest | undefined;
  #sequence: number;
  #backlog: Snapshot[] = [];
  /** Segments are there, the manifest was sent; whether it arrived is not known. */
  #attempt: { readonly manifest: Manifest; readonly body: Uint8Array } | undefined;
  #conflict: ShrikeError | undefined;
  /** Manifests do not change: each is read once. */
  readonly #read = new Map<string, Manifest>();
  /** Segments that retention has found unnamed, and when first. */
  #unnamedSinceMs: ReadonlyMap<string, number> = new Map();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ChainOptions, start: ChainStart) {
    this.#options = options;
    this.#of = start.of;
    this.#prefix = partitionPrefix(options.application, start.of);
    this.#newest = start.newest;
    this.#sequence = start.sequence;
  }

  get newest(): Manifest | undefined {
    return this.#newest;
  }

  seal(snapshot: Snapshot, options: SealOptions): Promise<Manifest> {
    return this.#inTurn(() => this.#seal(snapshot, options));
  }

  retain(): Promise<readonly string[]> {
    return this.#inTurn(() => this.#retain());
  }

  /** One at a time: retention must not see a seal half done, nor a seal another one. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    // The caller has the error; the next turn starts anyway.
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #seal(snapshot: Snapshot, options: SealOptions): Promise<Manifest> {
    if (this.#conflict !== undefined) throw this.#conflict;
    this.#admit(snapshot);
    try {
      await this.#settle();
      return await this.#sealBacklog(snapshot, options);
    } catch (error) {
      this.#shedBacklog();
      throw error;
    }
  }

  #admit(snapshot: Snapshot): void {
    const { fromOffset, meta } = snapshot;
    assert(fromOffset <= meta.nextOffset, 'a snapshot ends where it starts, or later');
    const covered =
      this.#backlog.at(-1)?.meta.nextOffset ??
      this.#attempt?.manifest.nextOffset ??
      this.#newest?.nextOffset;
    // A hole (stored without being sealed, restored from an older checkpoint, shed): what comes now
    // follows no manifest, so that it makes a base; what came before it is in that, too.
    if (covered !== undefined && fromOffset !== covered) this.#backlog = [];
    const last = this.#backlog.at(-1);
    // Without changes only the end moves: a store that is down over a quiet night costs no memory.
    if (last !== undefined && snapshot.changedCount === 0) {
      this.#backlog[this.#backlog.length - 1] = { ...last, meta };
    } else this.#backlog.push(snapshot);
  }

  #shedBacklog(): void {
    const bytes = this.#backlog.reduce((sum, { changed }) => sum + changed.byteLength, 0);
    if (bytes > this.#options.backlogBytesMax) this.#backlog = [];
  }

  async #sealBacklog(snapshot: Snapshot, options: SealOptions): Promise<Manifest> {
    const plan = planSeal({
      previous: this.#newest,
      fromOffset: this.#backlog[0]?.fromOffset ?? snapshot.fromOffset,
      snapshot,
      savepoint: options.savepoint,
      compactAfterSegments: this.#options.compactAfterSegments,
    });
    switch (plan.kind) {
      case 'nothing':
        this.#backlog = [];
        return this.#newest as Manifest;
      case 'increment':
        return this.#sealSegments(this.#backlogBlocks(), { snapshot, options, onto: this.#newest });
      case 'base-of-snapshot':
        return this.#sealSegments(this.#blocks(snapshot.changed), { snapshot, options });
      case 'base-of-scan':
        return this.#sealSegments(regroupActors(options.scan(), this.#segmentBytesMax), {
          snapshot,
          options,
        });
      default:
        return unreachable(plan);
    }
  }

  get #segmentBytesMax(): number {
    return this.#options.segmentBytesMax ?? LIMITS.segmentBytesMax;
  }

  #blocks(actors: PackedActors): Iterable<ActorBlock> {
    return splitActors(actors, this.#segmentBytesMax);
  }

  *#backlogBlocks(): Generator<ActorBlock> {
    for (const { changed } of this.#backlog) yield* this.#blocks(changed);
  }

  async #sealSegments(
    blocks: Iterable<ActorBlock> | AsyncIterable<ActorBlock>,
    of: { snapshot: Snapshot; options: SealOptions; onto?: Manifest | undefined },
  ): Promise<Manifest> {
    const sequence = this.#sequence + 1;
    const segments: SegmentRef[] = [];
    for await (const block of blocks) {
      segments.push(await this.#upload(block, sequence, segments.length));
    }
    const { application, log, clock } = this.#options;
    const made = { application, ...(log !== undefined && { log }), createdAtMs: clock.nowMs() };
    const manifest = nextManifest({
      of: { ...made, ...this.#of, sequence },
      snapshot: of.snapshot,
      savepoint: of.options.savepoint,
      segments,
      onto: of.onto,
    });
    assertWholeBase(manifest);
    // From here on the manifest may exist, whatever the answer is; its snapshots are no longer
    // needed.
    this.#attempt = { manifest, body: encodeManifest(manifest) };
    this.#backlog = [];
    await this.#settle();
    return manifest;
  }

  async #upload(block: ActorBlock, sequence: number, part: number): Promise<SegmentRef> {
    const { body, sha256, actorCount } = await encodeSegment(block, this.#options.clock);
    const key = segmentKey(this.#prefix, { sequence, part, sha256 });
    await this.#orUploadFailed(key, () => this.#options.store.put(key, body));
    return { key, bytes: body.byteLength, sha256, actorCount };
  }

  /** C3. The attempt becomes the newest, or this owner learns that it is not the owner. */
  async #settle(): Promise<void> {
    if (this.#attempt === undefined) return;
    const { manifest, body } = this.#attempt;
    const { store } = this.#options;
    const key = keyOf(manifest);
    const isWritten = await this.#orUploadFailed(key, () => store.putIfAbsent(key, body));
    const there = isWritten ? body : await this.#orUploadFailed(key, () => store.get(key));
    if (there === undefined || !Buffer.from(body).equals(there)) throw this.#lost(key);
    // An owner that slept for long may get a number that was sealed, and freed by retention, while
    // it slept. The newest manifest is never freed, so it is there to tell.
    const listed = await this.#orUploadFailed(key, () => store.list(`${this.#prefix}manifests/`));
    if (listed.some((one) => (manifestSequence(one.key) ?? 0) > manifest.sequence)) {
      await this.#orUploadFailed(key, () => store.delete(key));
      throw this.#lost(key);
    }
    this.#newest = manifest;
    this.#sequence = manifest.sequence;
    this.#read.set(key, manifest);
    this.#attempt = undefined;
  }

  #lost(key: string): ShrikeError {
    this.#conflict = new ShrikeError(
      'CHECKPOINT_CONFLICT',
      `checkpoint ${key} or a later one was sealed by another owner; this one stops sealing`,
    );
    return this.#conflict;
  }

  async #orUploadFailed<T>(key: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw new ShrikeError(
        'CHECKPOINT_UPLOAD_FAILED',
        `upload of ${key} failed; its changes wait for the next checkpoint`,
        { cause: error },
      );
    }
  }

  async #retain(): Promise<readonly string[]> {
    // Who has lost the partition deletes nothing of it.
    if (this.#conflict !== undefined) return [];
    const { store, keepCount } = this.#options;
    const manifests = await store.list(`${this.#prefix}manifests/`);
    // Segments are listed after the manifests: one that appears in between has a higher sequence
    // number.
    const segments = await store.list(`${this.#prefix}segments/`);
    const listed: { key: string; manifest?: Manifest }[] = [];
    for (const { key } of manifests) listed.push(await this.#listed(key));
    const plan = planRetention({
      manifests: listed,
      segmentKeys: segments.map(({ key }) => key),
      keepCount,
    });
    // C4: manifests first
    for (const key of plan.manifestKeys) {
      await store.delete(key);
      this.#read.delete(key);
    }
    const segmentKeys = this.#pastGrace(plan.segmentKeys);
    for (const key of segmentKeys) await store.delete(key);
    return [...plan.manifestKeys, ...segmentKeys];
  }

  /**
   * Who reads a manifest that goes now may need its segments for a while. The time is counted here
   * and not by the store: after a restart they stay a little longer, never shorter.
   */
  #pastGrace(keys: readonly string[]): readonly string[] {
    const { clock, graceMs = 0 } = this.#options;
    const nowMs = clock.nowMs();
    const earlier = this.#unnamedSinceMs;
    const sinceMs = (key: string) => earlier.get(key) ?? nowMs;
    this.#unnamedSinceMs = new Map(keys.map((key) => [key, sinceMs(key)]));
    return keys.filter((key) => nowMs - sinceMs(key) >= graceMs);
  }

  async #listed(key: string): Promise<{ key: string; manifest?: Manifest }> {
    const known = this.#read.get(key);
    if (known !== undefined) return { key, manifest: known };
    const body =
      manifestSequence(key) === undefined ? undefined : await this.#options.store.get(key);
    const parsed = body === undefined ? undefined : parseManifest(key, body);
    if (parsed === undefined || 'damage' in parsed) return { key };
    this.#read.set(key, parsed.manifest);
    return { key, manifest: parsed.manifest };
  }
}

/** C5, before the write: a base that the caller scanned too late or too early has another count. */
function assertWholeBase({ segments, baseCount, actorCount }: Manifest): void {
  if (baseCount !== segments.length) return;
  const scanned = segments.reduce((sum, segment) => sum + segment.actorCount, 0);
  assert(scanned === actorCount, `C5: base holds ${scanned} actors, the snapshot ${actorCount}`);
}
