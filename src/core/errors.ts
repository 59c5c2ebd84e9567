/**
 * Every way the world can fail, in one table. A code is stable: scripts and alert rules match on
 * it. (Its parts that are large lie in files of their own.)
 */
import { API_ERRORS } from './api-errors.ts';
import { type ErrorKind, kind } from './error-kind.ts';
import { FILE_ERRORS } from './file-errors.ts';

export type { ErrorKind };

export const ERRORS = {
  ...FILE_ERRORS,
  // Records (dead letters).
  RECORD_NOT_JSON: kind(
    'data',
    'never',
    'The value is not one JSON object in UTF-8; fix the producer, then `shrike dlq`.',
  ),
  RECORD_FIELD_INVALID: kind(
    'data',
    'never',
    'A field is missing or out of range; the reason names it.',
  ),
  RECORD_KEY_MISMATCH: kind(
    'data',
    'never',
    'The record lies with another user: check key and partitioner of the producer, or set input.keyedByUser to false.',
  ),
  RECORD_TOO_LARGE: kind(
    'data',
    'never',
    "The record does not fit the topic of re-keyed payments: raise that topic's max.message.bytes, then `shrike dlq redrive`.",
  ),

  // Configuration and command line.
  CONFIG_INVALID: kind(
    'input',
    'never',
    'Correct the named key; `shrike config` prints what is in force and from where.',
  ),
  CONFIG_UNKNOWN_KEY: kind(
    'input',
    'never',
    'Correct or remove the key; `shrike config` lists all keys.',
  ),
  CONFIG_UNREADABLE: kind(
    'input',
    'never',
    'Check the path and the permissions of the configuration file.',
  ),
  SERVERS_FAILED: kind(
    'external',
    'never',
    'See what the script says above; deploy/local/README.md has what it needs, and where its logs are.',
  ),
  MEMORY_LIMIT_TOO_SMALL: kind('input', 'never', 'Raise the limit; `shrike plan` has the parts.'),
  USAGE: kind('input', 'never', '`shrike --help` shows the commands with examples.'),

  // Data folder.
  DATA_DIR_UNWRITABLE: kind(
    'input',
    'never',
    'Choose a folder that this user can write to: --data DIR.',
  ),
  DATA_DIR_VERSION: kind(
    'input',
    'never',
    'Run the version of Shrike that wrote the folder, or choose another: --data DIR.',
  ),
  DATA_DIR_LOCKED: kind(
    'input',
    'never',
    'Another process works on this folder; stop it, or choose another: --data DIR.',
  ),
  DATA_DIR_MISSING: kind(
    'input',
    'never',
    '`shrike run` makes the folder; name another one with --data DIR.',
  ),
  DISK_FULL: kind(
    'external',
    'backoff',
    'Free space on the volume of the data folder; nothing that was committed is lost.',
  ),

  // Log.
  LOG_CORRUPT: kind(
    'internal',
    'never',
    'Restore the folder from a copy; `shrike checkpoint list` shows the state that is safe.',
  ),
  LOG_OFFSET_OUT_OF_RANGE: kind(
    'internal',
    'restore',
    'The log no longer holds the offset: retention is shorter than the oldest state.',
  ),
  LOG_BATCH_UNREADABLE: kind(
    'internal',
    'never',
    'The message names the batch and what is wrong with it; write the topic anew with a current producer.',
  ),
  LOG_TOPIC_UNKNOWN: kind('input', 'never', '`shrike topics` lists the topics.'),
  LOG_TOPIC_MISMATCH: kind(
    'input',
    'never',
    'The topic exists with another number of partitions; use its number, or another topic.',
  ),
  LOG_UNAVAILABLE: kind('external', 'backoff', 'See kafka.bootstrap; an engine goes on.'),
  KAFKA_AUTH_FAILED: kind(
    'input',
    'never',
    'Check kafka.sasl (mechanism, user name, password) and kafka.tls against the listener of the broker.',
  ),
  KAFKA_NOT_AUTHORIZED: kind(
    'input',
    'never',
    'Grant the named user the named right; docs/operations.md lists the rights that Shrike needs.',
  ),
  KAFKA_REQUEST_FAILED: kind(
    'external',
    'backoff',
    'The broker refused the named request; see the reason and the log of the broker.',
  ),
  LOG_TOPIC_CLEANUP: kind(
    'input',
    'never',
    'Set cleanup.policy=compact on the named topic: profiles must not be deleted by age.',
  ),
  LOG_REPLACED: kind('input', 'never', 'See docs/operations.md, "Another log".'),
  OUTPUT_TOO_LARGE: kind(
    'input',
    'never',
    'Raise max.message.bytes of the named topic, then start again: nothing is lost, and the partition goes on at that record.',
  ),
  COMMIT_FENCED: kind(
    'external',
    'restore',
    'Another owner has taken over; this one lets go. No action needed.',
  ),
  COMMIT_FAILED: kind(
    'external',
    'restore',
    'The log refused the commit; the batch is read and scored again. See the cause.',
  ),

  // State.
  STATE_CORRUPT: kind(
    'internal',
    'restore',
    'The local store is set aside and the state restored from a checkpoint.',
  ),
  STATE_OF_OTHER_LOG: kind('external', 'restore', 'It is deleted, and the state restored.'),
  STATE_UNAVAILABLE: kind(
    'external',
    'backoff',
    'The system is out of files or memory; raise the limit (`ulimit -n`), nothing stored is lost.',
  ),
  STATE_SCHEMA_UNKNOWN: kind(
    'internal',
    'never',
    'Another version wrote the state; docs/operations.md, "Upgrade and rollback", says which may run.',
  ),
  ACTOR_UNKNOWN: kind(
    'input',
    'never',
    'No payment of it was processed here; is it the right --data folder?',
  ),
  STATE_AHEAD_OF_LOG: kind(
    'internal',
    'restore',
    'The log lost commits that the state has seen (disk replaced?); an older checkpoint is used.',
  ),

  // Checkpoints.
  CHECKPOINT_UPLOAD_FAILED: kind(
    'external',
    'backoff',
    'Check the bucket or folder and its free space; processing goes on.',
  ),
  CHECKPOINT_CONFLICT: kind(
    'external',
    'restore',
    'A newer owner has written a checkpoint; this one lets the partition go.',
  ),
  CHECKPOINT_CORRUPT: kind(
    'external',
    'restore',
    'A restore passes over the checkpoint and takes the newest whole one before it; find out what changed the object.',
  ),
  CHECKPOINT_AHEAD_OF_COMMIT: kind(
    'internal',
    'never',
    'Checkpoints are newer than the log: is this the right log for this store?',
  ),
  CHECKPOINT_OF_OTHER_LOG: kind('input', 'never', 'See docs/operations.md, "Another log".'),
  CHECKPOINT_NONE_USABLE: kind(
    'internal',
    'never',
    'No checkpoint reaches back to what the log still holds; see docs/operations.md, "Lost state".',
  ),
  CHECKPOINT_NEEDED: kind(
    'input',
    'never',
    'The newest checkpoint of a partition stays; it can be deleted when a newer one is sealed.',
  ),
  CHECKPOINT_NOT_FOUND: kind('input', 'never', '`shrike checkpoint list` shows the checkpoints.'),
  OBJECT_STORE_UNAVAILABLE: kind(
    'external',
    'backoff',
    'The object store does not answer; checkpoints wait, payments do not.',
  ),

  OBJECT_STORE_REFUSED: kind(
    'input',
    'never',
    'Check bucket, region, credentials and their rights (docs/operations.md); the message names the request.',
  ),

  // Lake.
  LAKE_OBJECT_UNREADABLE: kind(
    'input',
    'never',
    'The named objects stay where they are, all others were compacted. Repair each, write it again from the topic, or move it away.',
  ),
  LAKE_OUTPUT_CONFLICT: kind(
    'input',
    'never',
    'Nothing of it was deleted. Look what wrote or changed the named object; move it away, then run again.',
  ),

  // Drills.
  DRILL_DIFFERENT: kind(
    'internal',
    'never',
    'The state that was restored is not the live one; see docs/operations.md, "A drill has found a difference".',
  ),
  DRILL_FAILED: kind(
    'external',
    'never',
    'The drill did not get to its end; the report names what stopped it. Payments are not concerned.',
  ),
  DRILL_NEEDS_GROUP: kind(
    'input',
    'never',
    'A failover needs Kafka and another member to take over: set kafka.bootstrap, and start `shrike run`.',
  ),

  // Engine.
  STEP_FAILED: kind(
    'internal',
    'restore',
    'An operator threw on the named record; the partition restores and tries again. Fix the operator.',
  ),
  WORKER_CRASHED: kind(
    'internal',
    'restore',
    'The worker is restarted and its partitions recover; report the stack.',
  ),
  WORKER_STUCK: kind(
    'internal',
    'restore',
    'The process ends and recovers as from a crash; report the named stage.',
  ),
  PARTITION_STUCK: kind(
    'internal',
    'restore',
    'The named stage makes no progress; see docs/operations.md, "Stuck partition".',
  ),
  PARTITION_NOT_LIVE: kind(
    'external',
    'backoff',
    'The partition is being restored or has failed: `/api/status` says which. Ask again when it is live.',
  ),
  REPLAY_NO_PROGRESS: kind(
    'external',
    'backoff',
    'Replay waits for records that do not come: an open transaction or a truncated log.',
  ),
  ...API_ERRORS,
  ENGINE_NOT_RUNNING: kind(
    'input',
    'never',
    'Start it with `shrike run` on the same --data folder.',
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** The only error class: a code of the table, what happened and where, and the cause below it. */
export class ShrikeError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ShrikeError';
    this.code = code;
  }

  get kind(): ErrorKind {
    return ERRORS[this.code];
  }
}

/** An error's code, for logs and metrics: `UNEXPECTED` for what is not in the table. */
export function codeOf(error: unknown): ErrorCode | 'UNEXPECTED' {
  return error instanceof ShrikeError ? error.code : 'UNEXPECTED';
}

/** One line for a person: message, causes, code and what to do. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  let text = error.message;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if (!text.includes(cause.message)) text += `: ${cause.message}`;
  }
  return error instanceof ShrikeError ? `${text} [${error.code}]\n  ${error.kind.hint}` : text;
}

/** True when a system call failed for want of space. */
export function isDiskFull(error: unknown): boolean {
  return /ENOSPC|EDQUOT|No space left on device|disk quota exceeded/i.test(String(error));
}
