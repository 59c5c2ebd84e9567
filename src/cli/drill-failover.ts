/**
 * `shrike drill failover`: a member of its own joins the running group, owns some partitions, and
 * is killed. How long until others publish what it would have?
 *
 *   start -> owns and commits -> SIGKILL -> nobody's -> first commit by another -> caught up
 */
import { overall } from '../../checkpoints/drill.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { FailoverReport, PartitionFailover } from '../core/drill.ts';
import { ShrikeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { inputTopicOf } from '../job.ts';
import { VERSION } from '../version.ts';
import { engineClient } from './access.ts';
import { configOf, print, printJson } from './common.ts';
import { publish, scratchParent, tell, withKafkaLog } from './drill-ground.ts';
import { DrillMember } from './drill-member.ts';
import { drillId, failoverText, failUnlessPassed } from './drill-text.ts';
import { partitionsOf } from './log-records.ts';
import type { CommonOptions } from './options.ts';
import { ScratchFolder } from './scratch-folder.ts';
import { watchTakeover } from './takeover.ts';

export interface DrillFailoverOptions extends CommonOptions {
  readonly replace?: boolean;
  readonly waitSeconds: number;
  readonly scratch?: string;
  readonly json?: boolean;
}

export async function drillFailover(options: DrillFailoverOptions): Promise<void> {
  const { config } = configOf(options);
  requireGroup(config);
  await withKafkaLog(config, async (log, signal) => {
    const startedAtMs = clock.nowMs();
    const id = drillId();
    const scratch = new ScratchFolder(scratchParent(config, options.scratch));
    try {
      const member = `drill-${id}`;
      const drill: Drill = { config, options, log, member, scratch: scratch.path, signal };
      const partitions = await killAndWatch(drill);
      const report: FailoverReport = {
        formatVersion: 1,
        kind: 'failover',
        id,
        version: VERSION,
        application: config.application,
        topic: inputTopicOf(config),
        startedAtMs,
        endedAtMs: clock.nowMs(),
        member,
        ...overall(partitions, 'recovered'),
        rtoSeconds: slowest(partitions, ({ firstCommitSeconds }) => firstCommitSeconds),
        caughtUpSeconds: slowest(partitions, ({ caughtUpSeconds }) => caughtUpSeconds),
        partitions,
      };
      const key = await publish(config, report, engineClient(config.dataDir));
      if (options.json === true) printJson(report);
      else print(failoverText(report, key));
      failUnlessPassed(report);
    } finally {
      scratch.remove();
    }
  });
}

function requireGroup({ kafka, s3 }: Config): void {
  if (kafka.bootstrap === '') {
    const message = 'the embedded log has one member: there is nobody to take over';
    throw new ShrikeError('DRILL_NEEDS_GROUP', message);
  }
  if (s3.bucket === '') {
    const message =
      'checkpoints are in a folder, where another member cannot find them: no s3.bucket';
    throw new ShrikeError('DRILL_NEEDS_GROUP', message);
  }
}

interface Drill {
  readonly config: Config;
  readonly options: DrillFailoverOptions;
  readonly log: Log;
  readonly member: string;
  readonly scratch: string;
  readonly signal: AbortSignal;
}

async function killAndWatch(drill: Drill): Promise<readonly PartitionFailover[]> {
  const { config, options, log, signal } = drill;
  const topic = inputTopicOf(config);
  const waitMs = options.waitSeconds * 1000;
  const started = DrillMember.start(drill);
  let replacement: DrillMember | undefined;
  try {
    const partitionCount = await partitionsOf(log, topic);
    const owned = await started.ownsAndCommits({ partitionCount, waitMs, signal });
    tell(`${drill.member} owns partitions ${owned.join(', ')} and commits; it is killed now`);
    const killedAtMs = await started.kill();
    // As a supervisor would: the same name, and a disk with nothing on it.
    if (options.replace === true) replacement = DrillMember.start(drill);
    return await watchTakeover({
      log,
      clock,
      group: config.application,
      topic,
      partitions: owned,
      killedAtMs,
      waitMs,
      signal,
    });
  } finally {
    await Promise.all([started.stop(), replacement?.stop()]);
  }
}

/** Null unless every partition has it. */
function slowest(
  partitions: readonly PartitionFailover[],
  of: (one: PartitionFailover) => number | null,
): number | null {
  const all = partitions.map(of).filter((value) => value !== null);
  return all.length > 0 && all.length === partitions.length ? Math.max(...all) : null;
}
