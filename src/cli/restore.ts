/**
 * `shrike restore --dry-run`: where each partition's state would come from, were the engine started
 * now.
 */

import { schemaInForce } from '../agreed-schema.ts';
import type { Manifest } from '../core/checkpoint.ts';
import { codeOf, explain, ShrikeError } from '../core/errors.ts';
import { planRestore, type RestorePlan } from '../core/restore-plan.ts';
import { createFlow } from '../job.ts';
import { withAccess } from './access.ts';
import type { Access, PartitionPosition } from './access-contract.ts';
import { configOf, print, printJson, table } from './common.ts';
import type { CommonOptions } from './options.ts';
import { ageSecondsOf, bytesOf, StoredCheckpoints } from './stored-checkpoints.ts';
import { ageText, bytesText } from './units.ts';

export interface RestoreOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly withoutLocal?: boolean;
  readonly json?: boolean;
}

interface Outlook {
  readonly partition: number;
  readonly source: 'local' | 'checkpoint' | 'empty' | 'refused';
  /** Why it is refused. */
  readonly code: string | null;
  /** K, and where the replay begins; null when it is refused. */
  readonly committed: number;
  readonly replayFrom: number | null;
  readonly replayRecords: number | null;
  /** The one that is used, or would be if the local state were lost. */
  readonly checkpoint: {
    readonly sequence: number;
    readonly nextOffset: number;
    readonly ageSeconds: number;
    readonly bytes: number;
    readonly actorCount: number;
  } | null;
  /** What is damaged, newest first: each was passed over. */
  readonly damaged: readonly string[];
}

export async function rehearse(options: RestoreOptions): Promise<void> {
  if (options.dryRun !== true) {
    throw new ShrikeError(
      'USAGE',
      'the engine restores by itself when it starts; `shrike restore --dry-run` tells from what',
    );
  }
  const { config } = configOf(options);
  const outlooks: Outlook[] = [];
  await withAccess(config, async (access) => {
    const partitions = await access.positions();
    const stored = await StoredCheckpoints.open(config, await access.logName());
    // What this program could not start on it cannot restore.
    if (stored !== undefined) await schemaInForce(config, stored.store, createFlow(config));
    const kept = new Map<number, Kept>();
    for (const { partition } of partitions) {
      const local = options.withoutLocal === true ? {} : await localState(access, partition);
      kept.set(partition, { local, listed: (await stored?.list(partition)) ?? [] });
    }
    // Beside a running engine K goes on: read last, it is not behind what is kept.
    for (const position of await access.positions()) {
      const found = kept.get(position.partition);
      if (found !== undefined) outlooks.push(await outlookOf(position, found, stored));
    }
  });
  if (options.json === true) printJson(outlooks);
  else printOutlooks(outlooks);
  const refused = outlooks.find(({ source }) => source === 'refused');
  if (refused !== undefined) {
    throw new ShrikeError(
      refused.code as 'CHECKPOINT_NONE_USABLE',
      `partition ${refused.partition} cannot be restored to offset ${refused.committed}`,
    );
  }
}

interface LocalState {
  readonly offset?: number | undefined;
  readonly damage?: string;
}

/** What there is to restore a partition from. */
interface Kept {
  readonly local: LocalState;
  readonly listed: Awaited<ReturnType<StoredCheckpoints['list']>>;
}

async function localState(access: Access, partition: number): Promise<LocalState> {
  try {
    return { offset: await access.localOffset(partition) };
  } catch (error) {
    if (codeOf(error) !== 'STATE_CORRUPT') throw error;
    return { damage: `local state: ${explain(error).split('\n')[0]}` };
  }
}

/** As `restore` of the runtime does it: damaged checkpoints are passed over, one by one. */
async function outlookOf(
  { partition, committed, earliest }: PartitionPosition,
  { local: { offset: local, damage }, listed }: Kept,
  stored: StoredCheckpoints | undefined,
): Promise<Outlook> {
  const damaged = damage === undefined ? [] : [damage];
  const manifests: Manifest[] = [];
  for (const one of listed) {
    if ('manifest' in one) manifests.push(one.manifest);
    else damaged.push(`${one.key}: ${one.damage}`);
  }
  const facts = () => ({ committed, earliest, sealed: manifests.map((one) => one.nextOffset) });
  let checkpoint: Manifest | undefined;
  while (checkpoint === undefined) {
    const plan = planRestore({ ...facts(), local: undefined });
    if (plan.kind !== 'checkpoint') break;
    const candidate = manifests[plan.index] as Manifest;
    const report = await stored?.verify(candidate);
    if (report?.problems.length === 0) checkpoint = candidate;
    else manifests.splice(plan.index, 1);
    damaged.push(...(report?.problems ?? []));
  }
  const plan = planRestore({ ...facts(), local });
  const replayFrom = plan.kind === 'refuse' ? null : plan.replayFrom;
  return {
    partition,
    source: SOURCES[plan.kind],
    code: plan.kind === 'refuse' ? plan.code : null,
    committed,
    replayFrom,
    replayRecords: replayFrom === null ? null : committed - replayFrom,
    checkpoint: checkpoint === undefined ? null : factsOf(checkpoint),
    damaged,
  };
}

const SOURCES = {
  local: 'local',
  checkpoint: 'checkpoint',
  'start-empty': 'empty',
  refuse: 'refused',
} as const satisfies Record<RestorePlan['kind'], Outlook['source']>;

function factsOf(manifest: Manifest): NonNullable<Outlook['checkpoint']> {
  const { sequence, nextOffset, actorCount } = manifest;
  const ageSeconds = Math.round(ageSecondsOf(manifest));
  return { sequence, nextOffset, ageSeconds, bytes: bytesOf(manifest), actorCount };
}

function printOutlooks(outlooks: readonly Outlook[]): void {
  const rows = outlooks.map(({ checkpoint, ...one }) => [
    one.partition,
    one.source,
    one.replayRecords ?? '',
    one.committed,
    ...(checkpoint === null
      ? ['none']
      : [
          checkpoint.sequence,
          checkpoint.nextOffset,
          ageText(checkpoint.ageSeconds),
          bytesText(checkpoint.bytes),
          checkpoint.actorCount,
        ]),
  ]);
  const head = ['partition', 'from', 'replay', 'to offset'];
  print(table([[...head, 'checkpoint', 'at offset', 'age', 'size', 'actors'], ...rows]));
  for (const { partition, damaged, checkpoint } of outlooks) {
    for (const problem of damaged) print(`partition ${partition}: damaged: ${problem}`);
    if (damaged.length === 0) continue;
    const next = checkpoint === null ? 'no checkpoint' : `checkpoint ${checkpoint.sequence}`;
    print(`partition ${partition}: ${next} is the newest whole one`);
  }
}
