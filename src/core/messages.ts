/**
 * Everything that crosses between the main thread and an actor thread. Closed: a new kind is added here.
 * A worker asks and the main thread answers (read, score, commit); the main thread orders (assign, revoke…).
 * Buffers are transferred, not copied.
 *
 * T1  Every request carries the epoch of its partition's assignment; the main thread answers a request of
 *     an old epoch with COMMIT_FENCED, so that a task which was replaced can change nothing.
 */
import type { Model } from './scoring.ts';
import type { Append } from './log.ts';
import type { SourceRead } from './records.ts';
import type { ActorView } from './status.ts';
import type { WorkerStats } from './telemetry.ts';

/** Main thread -> actor thread. */
export type Order =
  | {
      readonly kind: 'assign';
      readonly partition: number;
      readonly epoch: number;
      readonly committed: number;
    }
  | { readonly kind: 'revoke'; readonly id: number; readonly partition: number }
  | {
      readonly kind: 'peek';
      readonly id: number;
      readonly partition: number;
      readonly user: number;
    }
  | {
      readonly kind: 'savepoint';
      readonly id: number;
      readonly partition: number;
      readonly name: string;
    }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refuse'; readonly id: number; readonly error: WireError };

/** Actor thread -> main thread. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'ask'; readonly id: number; readonly what: Ask }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'not-done'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'stats'; readonly stats: WorkerStats }
  | {
      readonly kind: 'event';
      readonly level: 'info' | 'warn' | 'error';
      readonly event: string;
      readonly facts: Readonly<Record<string, unknown>>;
    };

export type Ask =
  | {
      readonly kind: 'read';
      readonly topic: string;
      readonly partition: number;
      readonly epoch: number;
      readonly from: number;
      readonly bytesMax: number;
      readonly waitMs: number;
    }
  | { readonly kind: 'offsets'; readonly topic: string; readonly partition: number }
  | { readonly kind: 'score'; readonly rows: Float32Array; readonly count: number }
  | {
      readonly kind: 'commit';
      readonly partition: number;
      readonly epoch: number;
      readonly nextOffset: number;
      readonly outputs: readonly Append[];
    }
  | { readonly kind: 'sync' }
  | { readonly kind: 'trim'; readonly partition: number; readonly before: number };

/** Errors lose their class between threads; code and message arrive. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly stack: string | undefined;
}

export interface SavepointDone {
  readonly sequence: number;
  readonly nextOffset: number;
}

/** Given to an actor thread when it starts (`workerData`). */
export interface ActorThreadSetup {
  readonly worker: number;
  readonly application: string;
  readonly inputTopic: string;
  readonly partitions: number;
  readonly model: Model;
  readonly dataDir: string;
  readonly config: unknown;
}

export type { ActorView, SourceRead };
