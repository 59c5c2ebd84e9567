/** Reports of drills as a person reads them. */
import { randomBytes } from 'node:crypto';
import {
  type DrillReport,
  type FailoverReport,
  hasPassed,
  type PartitionFailover,
  type PartitionRestore,
  type RestoreReport,
} from '../core/drill.ts';
import { ShrikeError } from '../core/errors.ts';
import { table } from './common.ts';
import { ageText, bytesText } from './units.ts';

/** Tells apart what ends in the same second. */
export function drillId(): string {
  return randomBytes(4).toString('hex');
}

/** Exit code 0 is for a drill that has passed. @throws DRILL_DIFFERENT, DRILL_FAILED */
export function failUnlessPassed({ verdict, reason }: DrillReport): void {
  if (hasPassed(verdict)) return;
  const code = verdict === 'different' ? 'DRILL_DIFFERENT' : 'DRILL_FAILED';
  throw new ShrikeError(code, reason ?? verdict);
}

export function restoreText(report: RestoreReport, key: string): string {
  const head = ['partition', 'checkpoint', 'age', 'size', 'restore', 'profiles', 'replay'];
  const rows = report.partitions.map(restoreRow);
  const lines = [table([[...head, 'records', 'to offset', 'compared with', 'verdict'], ...rows])];
  for (const { partition, reason } of report.partitions) {
    if (reason !== null) lines.push(`partition ${partition}: ${reason}`);
  }
  const { restoreSeconds, profilesSeconds, replaySeconds, rtoSeconds, rpoSeconds } = report;
  if (rtoSeconds !== null) {
    lines.push(
      `to live (RTO): ${seconds(rtoSeconds)}, the partitions one after the other` +
        ` (restore ${seconds(restoreSeconds)}, profiles ${seconds(profilesSeconds)},` +
        ` replay ${seconds(replaySeconds)} of ${report.replayedRecords} records)`,
    );
  }
  if (rpoSeconds !== null) {
    lines.push(`oldest checkpoint (RPO bound): ${ageText(rpoSeconds)}, ${bytesText(report.bytes)}`);
  }
  lines.push(`verdict: ${report.verdict}`, `report: ${key}`);
  return lines.join('\n');
}

function restoreRow(one: PartitionRestore): readonly (string | number)[] {
  const { checkpoint, expected } = one;
  return [
    one.partition,
    checkpoint?.sequence ?? '',
    checkpoint === null ? '' : ageText(checkpoint.ageSeconds),
    checkpoint === null ? '' : bytesText(checkpoint.bytes),
    seconds(one.restoreSeconds),
    seconds(one.profilesSeconds),
    seconds(one.replaySeconds),
    one.replayedRecords ?? '',
    expected?.nextOffset ?? '',
    expected?.from ?? '',
    one.verdict,
  ];
}

export function failoverText(report: FailoverReport, key: string): string {
  const head = ['partition', 'committed at kill', 'end at kill', 'first output', 'caught up'];
  const lines = [table([[...head, 'verdict'], ...report.partitions.map(failoverRow)])];
  for (const { partition, reason } of report.partitions) {
    if (reason !== null) lines.push(`partition ${partition}: ${reason}`);
  }
  if (report.rtoSeconds !== null) {
    lines.push(`first new output (RTO): ${seconds(report.rtoSeconds)} after the kill`);
  }
  if (report.caughtUpSeconds !== null) {
    lines.push(`caught up: ${seconds(report.caughtUpSeconds)} after the kill`);
  }
  lines.push(`verdict: ${report.verdict}`, `report: ${key}`);
  return lines.join('\n');
}

function failoverRow(one: PartitionFailover): readonly (string | number)[] {
  return [
    one.partition,
    one.committedAtKill,
    one.highWatermarkAtKill,
    seconds(one.firstCommitSeconds),
    seconds(one.caughtUpSeconds),
    one.verdict,
  ];
}

/** `0.42 s`: a drill measures what is shorter than a second, too. */
function seconds(value: number | null): string {
  if (value === null) return '';
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} s`;
}
