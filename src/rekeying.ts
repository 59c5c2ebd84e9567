/** Re-keying, wired: what brings payments that are keyed otherwise to their users. */
import { readPaymentUsers } from '../operators/index.ts';
import { parseJsonBatch } from './codec/json.ts';
import { systemClock as clock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import { LIMITS } from './core/limits.ts';
import type { Log } from './core/log.ts';
import type { RekeyPicture } from './core/rekey.ts';
import { inputPositions } from './input-positions.ts';
import { inputTopicOf, outputNames, rekeyGroupOf } from './job.ts';
import { Rekeyer } from './rekey/rekeyer.ts';
import type { RetentionOptions } from './retention.ts';
import type { Logger } from './telemetry/logger.ts';

/**
 * Records of one commit: 8,192 are packed in about 10 ms, for which nothing else of the main thread
 * has its turn.
 */
const ROUND_RECORDS_MAX = 8192;
const FETCH_BYTES_TOTAL = 16 << 20;
/** For the sake of the order: longer than an election of a leader takes, mostly. */
const HOLD_MS = 5000;

/** Undefined where there is nothing to re-key. */
export function createRekeyer(
  log: Log,
  config: Config,
  logger: Pick<Logger, 'event'>,
): Rekeyer | undefined {
  const { input, commit } = config;
  if (input.keyedByUser) return undefined;
  return new Rekeyer({
    log,
    clock,
    group: rekeyGroupOf(config),
    inputTopic: input.transactions,
    targetTopic: inputTopicOf(config),
    deadLetterTopic: outputNames(config).deadLetters,
    partitions: input.partitions,
    readKeys: readPaymentUsers(parseJsonBatch),
    emitEvent: (level, event, facts) => logger.event(level, event, facts),
    limits: {
      recordsMax: Math.min(commit.recordsMax, ROUND_RECORDS_MAX),
      minIntervalMs: commit.minIntervalMs,
      fetchBytesMax: LIMITS.fetchBytesMax,
      fetchBytesTotal: FETCH_BYTES_TOTAL,
      pollMs: 250,
      holdMs: HOLD_MS,
      backoffMsMax: 5000,
    },
  });
}

/** What is read here, and retention must spare. */
export function inputsOf(config: Config): Pick<RetentionOptions, 'inputTopic' | 'rekeyed'> {
  const { transactions: topic, keyedByUser } = config.input;
  const inputTopic = inputTopicOf(config);
  if (keyedByUser) return { inputTopic };
  return { inputTopic, rekeyed: { topic, group: rekeyGroupOf(config) } };
}

/** What waits now, and what it says of itself. */
export async function rekeyPicture(
  log: Log,
  config: Config,
  rekeyer: Rekeyer,
): Promise<RekeyPicture> {
  const positions = await inputPositions(log, {
    group: rekeyGroupOf(config),
    topic: config.input.transactions,
    partitions: rekeyer.assigned,
  });
  const nowMs = clock.nowMs();
  let lagRecords = 0;
  let lagMs = 0;
  for (const { highWatermark, committed, waitingSinceMs } of positions.values()) {
    lagRecords += Math.max(0, highWatermark - committed);
    lagMs = Math.max(lagMs, nowMs - (waitingSinceMs ?? nowMs));
  }
  return { ...rekeyer.status(), lagRecords, lagSeconds: lagMs / 1000 };
}
