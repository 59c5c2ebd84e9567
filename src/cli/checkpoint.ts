/**
 * `shrike checkpoint`: what there is to restore from, whether it is whole, one more on request, one
 * less on request.
 */
import type { ListedManifest, Manifest } from '../core/checkpoint.ts';
import { ShrikeError } from '../core/errors.ts';
import { requireDataFolder, requireEngine } from './access.ts';
import { configOf, print, printJson, table } from './common.ts';
import type { CommonOptions } from './options.ts';
import { ageSecondsOf, bytesOf, StoredCheckpoints } from './stored-checkpoints.ts';
import { ageText, bytesText } from './units.ts';

export interface CheckpointOptions extends CommonOptions {
  readonly partition?: number;
  readonly json?: boolean;
}
export interface CreateOptions extends CommonOptions {
  readonly name: string;
  readonly json?: boolean;
}
export interface DeleteOptions extends CheckpointOptions {
  readonly sequence?: number;
  readonly name?: string;
}

export interface CopyOptions extends CommonOptions {
  readonly name: string;
  readonly to: string;
  readonly json?: boolean;
}

/**
 * Every listed checkpoint with its partition.
 * @throws DATA_DIR_MISSING, OBJECT_STORE_UNAVAILABLE
 */
async function listed(options: CheckpointOptions) {
  const { config } = configOf(options);
  // A bucket can be looked at from any machine.
  if (config.s3.bucket === '') requireDataFolder(config.dataDir);
  const stored = await StoredCheckpoints.open(config);
  const wanted = (partition: number) => (options.partition ?? partition) === partition;
  const found: { readonly partition: number; readonly one: ListedManifest }[] = [];
  for (const partition of stored?.partitions.filter(wanted) ?? []) {
    for (const one of (await stored?.list(partition)) ?? []) found.push({ partition, one });
  }
  return { stored, found };
}

export async function list(options: CheckpointOptions): Promise<void> {
  const { found } = await listed(options);
  if (options.json === true) {
    return printJson(found.map(({ one }) => ('manifest' in one ? one.manifest : one)));
  }
  if (found.length === 0) return print('no checkpoints');
  const head = [
    'partition',
    'checkpoint',
    'offset',
    'age',
    'size',
    'actors',
    'segments',
    'savepoint',
  ];
  const rows = found.map(({ partition, one }) =>
    'manifest' in one ? row(one.manifest) : [partition],
  );
  print(table([head, ...rows.filter((cells) => cells.length > 1)]));
  for (const { one } of found) if ('damage' in one) print(`damaged: ${one.key}: ${one.damage}`);
}

function row(manifest: Manifest): readonly (string | number)[] {
  return [
    manifest.partition,
    manifest.sequence,
    manifest.nextOffset,
    ageText(ageSecondsOf(manifest)),
    bytesText(bytesOf(manifest)),
    manifest.actorCount,
    manifest.segments.length,
    manifest.savepoint ?? '',
  ];
}

interface Verdict {
  readonly partition: number;
  readonly sequence: number | null;
  readonly problems: readonly string[];
}

export async function verify(options: CheckpointOptions): Promise<void> {
  const { stored, found } = await listed(options);
  const verdicts: Verdict[] = [];
  const tell = (verdict: Verdict) => {
    verdicts.push(verdict);
    if (options.json !== true) print(verdictText(verdict));
  };
  for (const { partition, one } of found) {
    if ('damage' in one) {
      tell({ partition, sequence: null, problems: [`${one.key}: ${one.damage}`] });
      continue;
    }
    const { sequence } = one.manifest;
    const report = await stored?.verify(one.manifest);
    if (report !== undefined) tell({ partition, sequence, problems: report.problems });
  }
  if (options.json === true) printJson(verdicts);
  const bad = verdicts.filter(({ problems }) => problems.length > 0);
  if (bad.length > 0) {
    const message = `${bad.length} of ${verdicts.length} checkpoints cannot be restored`;
    throw new ShrikeError('CHECKPOINT_CORRUPT', `${message}: ${bad[0]?.problems[0]}`);
  }
  if (options.json !== true) print(`${verdicts.length} checkpoints are whole`);
}

function verdictText({ partition, sequence, problems }: Verdict): string {
  const name = `partition ${partition}  checkpoint ${sequence ?? 'unreadable'}`;
  return problems.length === 0 ? `${name}  whole` : `${name}  DAMAGED: ${problems.join('; ')}`;
}

interface Created {
  readonly name: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly sequence: number;
    readonly nextOffset: number;
  }[];
}

export async function create({ name, json, ...common }: CreateOptions): Promise<void> {
  const { config } = configOf(common);
  const client = requireEngine(config.dataDir, 'a savepoint');
  const body = { type: 'application/json', text: JSON.stringify({ name }) };
  const created = await client.post<Created>('/api/checkpoints', body);
  if (json === true) return printJson(created);
  const rows = created.partitions.map((one) => [one.partition, one.sequence, one.nextOffset]);
  print(`savepoint ${created.name}`);
  print(table([['partition', 'checkpoint', 'offset'], ...rows]));
}

/** A savepoint of every partition, to begin another application with. */
export async function copy(options: CopyOptions): Promise<void> {
  const { name, to, json } = options;
  const { stored, found } = await listed(options);
  // Newest first: of two savepoints with one name the newer is meant.
  const chosen = new Map<number, Manifest>();
  for (const { partition, one } of found) {
    if (!('manifest' in one) || one.manifest.savepoint !== name || chosen.has(partition)) continue;
    chosen.set(partition, one.manifest);
  }
  if (stored === undefined || chosen.size === 0) {
    throw new ShrikeError('CHECKPOINT_NOT_FOUND', `there is no savepoint named ${name}`);
  }
  const copies: Manifest[] = [];
  for (const manifest of chosen.values()) copies.push(await stored.copy(manifest, to));
  if (json === true) return printJson(copies);
  const rows = copies.map((one) => [one.partition, one.sequence, one.nextOffset]);
  print(table([['partition', 'checkpoint', 'offset'], ...rows]));
}

/** A checkpoint by its numbers, or a savepoint by its name in every partition. */
export async function remove(options: DeleteOptions): Promise<void> {
  const { sequence, name } = options;
  if ((sequence === undefined) === (name === undefined)) {
    throw new ShrikeError('USAGE', 'checkpoint delete wants --name, or --partition and --sequence');
  }
  if (sequence !== undefined && options.partition === undefined) {
    throw new ShrikeError('USAGE', '--sequence counts by partition; which one: --partition N');
  }
  const { stored, found } = await listed(options);
  const chosen = found.flatMap(({ partition, one }) => {
    const number = 'manifest' in one ? one.manifest.sequence : sequenceIn(one.key);
    const isMeant =
      sequence === undefined
        ? 'manifest' in one && one.manifest.savepoint === name
        : number === sequence;
    return isMeant && number !== undefined ? [{ partition, sequence: number }] : [];
  });
  if (stored === undefined || chosen.length === 0) {
    const what = name === undefined ? `checkpoint ${sequence}` : `savepoint named ${name}`;
    throw new ShrikeError('CHECKPOINT_NOT_FOUND', `there is no ${what}`);
  }
  // All or none: what must stay is found out before the first one goes.
  const plans: (readonly string[])[] = [];
  for (const one of chosen) plans.push(await stored.removable(one.partition, one.sequence));
  for (const keys of plans) await stored.remove(keys);
  const deleted = chosen.map((one, i): Deleted => ({ ...one, objects: plans[i]?.length ?? 0 }));
  if (options.json === true) return printJson(deleted);
  const rows = deleted.map((one) => [one.partition, one.sequence, one.objects]);
  print(table([['partition', 'deleted', 'objects'], ...rows]));
}

interface Deleted {
  readonly partition: number;
  readonly sequence: number;
  readonly objects: number;
}

/** Of a manifest that cannot be read only the name is left. */
function sequenceIn(key: string): number | undefined {
  const match = /(\d+)\.json$/.exec(key);
  return match === null ? undefined : Number(match[1]);
}
