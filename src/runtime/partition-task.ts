/**
 * One partition on one worker, for as long as it is assigned there.
 * The life cycle is in core/phase.ts; every recovery takes the path that a crash takes.
 */

import type { DigestAt } from '../core/drill.ts';
import { codeOf, explain, ShrikeError } from '../core/errors.ts';
import type { Profiles } from '../core/flow.ts';
import type { SavepointDone } from '../core/messages.ts';
import { nextPhase, type Phase } from '../core/phase.ts';
import type { ActorView } from '../core/status.ts';
import type { PartitionStats } from '../core/telemetry.ts';
import type { CommitPort, TaskParts } from './ports.ts';
import { ProfileReader } from './profile-reader.ts';
import { restore } from './restore.ts';
import { Session } from './session.ts';
import { waitedFor } from './store-waits.ts';
import { TaskCounters, type WorkerHistograms } from './task-counters.ts';

const BACKOFF_MS_MIN = 50;

export interface PartitionTaskOptions<E> {
  readonly parts: TaskParts<E>;
  readonly partition: number;
  readonly commits: CommitPort;
  readonly shared: WorkerHistograms;
}

export class PartitionTask<E> {
  readonly #options: PartitionTaskOptions<E>;
  readonly #counters: TaskCounters;
  readonly #profiles: Profiles<E, unknown>;
  readonly #profileReader: ProfileReader<E>;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #session: Session<E> | undefined;
  #failuresInARow = 0;
  #commitsAtFailure = 0;

  constructor(options: PartitionTaskOptions<E>) {
    const { parts, partition, shared } = options;
    this.#options = options;
    this.#counters = new TaskCounters(parts.clock, shared);
    this.#profiles = parts.createProfiles();
    this.#profileReader = new ProfileReader({
      profiles: this.#profiles,
      source: parts.source,
      partition,
      fetchBytesMax: parts.limits.fetchBytesMax,
      emitEvent: parts.emitEvent,
    });
    this.#ended = this.#run();
  }

  get phase(): Phase {
    return this.#counters.phase;
  }

  /**
   * Lets the partition go: finishes what is in flight, seals a last checkpoint, closes the store.
   */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  async savepoint(name: string): Promise<SavepointDone> {
    const session = this.#session;
    if (session === undefined || this.phase !== 'live') {
      throw new ShrikeError(
        'CHECKPOINT_UPLOAD_FAILED',
        `partition ${this.#options.partition} is ${this.phase}; ask again when it is live`,
      );
    }
    const { sequence, nextOffset } = await session.checkpoints.savepoint(name);
    return { sequence, nextOffset };
  }

  async digest(): Promise<DigestAt> {
    const session = this.#session;
    if (session !== undefined && this.phase === 'live') return session.checkpoints.digest();
    const message = `partition ${this.#options.partition} is ${this.phase}`;
    throw new ShrikeError('PARTITION_NOT_LIVE', message);
  }

  async peek(user: number): Promise<ActorView | null> {
    const session = this.#session;
    const state = await session?.table.peek(user);
    if (session === undefined || state === undefined) return null;
    const { parts, partition } = this.#options;
    return { user, partition, nextOffset: session.position, state: parts.describe(state) };
  }

  stats(): PartitionStats {
    const table = this.#session?.table;
    this.#counters.rocksBytes = this.#session?.rocksBytes ?? 0;
    const cache = {
      hits: table?.stats.hits ?? 0,
      misses: table?.stats.misses ?? 0,
      actors: table?.stats.cachedActors ?? 0,
      bytes: table?.stats.cachedBytes ?? 0,
      dirtyBytes: table?.dirtyBytes ?? 0,
    };
    return this.#counters.stats(this.#options.partition, cache, this.#session?.oldestFlight);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#once();
      } catch (error) {
        await this.#recover(error);
      }
    }
    this.#enter('closing');
    this.#enter('closed');
  }

  /** From durable state to the end of the session, however it ends. */
  async #once(): Promise<void> {
    const { parts, partition, commits } = this.#options;
    const stopping = () => this.#stop.signal.aborted;
    this.#enter('restoring');
    this.#counters.enter('restore');
    const position = await this.#counters.outside('log', () => commits.position());
    const restored = await restore(
      {
        ...parts,
        checkpoints: waitedFor(parts.checkpoints, this.#counters),
        onProgress: () => this.#counters.enter('restore'),
      },
      partition,
      position,
    );
    const session = new Session({
      parts,
      partition,
      restored,
      position,
      commits,
      counters: this.#counters,
      profiles: this.#profiles,
      profileReader: this.#profileReader,
      stopping,
    });
    this.#session = session;
    try {
      this.#counters.enter('profiles');
      await this.#profileReader.catchUp(() => {
        this.#counters.enter('profiles');
        return stopping();
      });
      this.#enter('replaying');
      await session.replay();
      if (stopping()) return;
      this.#enter('live');
      const { offset, from } = restored;
      const facts = { partition, from, offset, committed: position.committed };
      parts.emitEvent('info', 'partition is live', facts);
      await session.live();
    } finally {
      this.#session = undefined;
      await session.end();
    }
  }

  async #recover(error: unknown): Promise<void> {
    const { parts, partition } = this.#options;
    const { clock, limits, emitEvent } = parts;
    const code = codeOf(error);
    this.#counters.error(code);
    const facts = { partition, phase: this.phase, code, reason: explain(error) };
    if (this.#stop.signal.aborted) {
      emitEvent('warn', 'partition was let go in the middle of something', facts);
      return;
    }
    if (error instanceof ShrikeError && error.kind.retry === 'never') {
      this.#counters.failure = { code: error.code, reason: error.message };
      this.#enter('failed');
      emitEvent('error', 'partition has failed and waits for a person', facts);
      await clock.sleep(2 ** 31 - 1, this.#stop.signal);
      return;
    }
    this.#enter('recovering');
    this.#counters.recoveries += 1;
    // Opening it again would find the same damage; the checkpoints have what it held.
    if (code === 'STATE_CORRUPT') await parts.stores.destroy(partition);
    if (this.#counters.commits > this.#commitsAtFailure) this.#failuresInARow = 0;
    this.#commitsAtFailure = this.#counters.commits;
    emitEvent('warn', 'partition recovers', facts);
    const backoffMs = Math.min(BACKOFF_MS_MIN * 2 ** this.#failuresInARow++, limits.backoffMsMax);
    await clock.sleep(backoffMs, this.#stop.signal);
  }

  #enter(phase: Phase): void {
    this.#counters.phase = nextPhase(this.#counters.phase, phase);
  }
}
