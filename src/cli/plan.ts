/** `shrike plan`: where the memory of a process goes, before it goes there. */
import { withBudgets } from '../budgets.ts';
import { ShrikeError } from '../core/errors.ts';
import type { MemoryPart, MemoryPlan } from '../core/memory-plan.ts';
import { machine } from '../machine.ts';
import { configOf, print, printJson, table } from './common.ts';
import { type CommonOptions, wholeNumber } from './options.ts';

export interface PlanOptions extends CommonOptions {
  readonly memory?: string;
  readonly cores?: string;
  readonly users?: string;
  readonly partitions?: number;
  readonly nodeOptions?: boolean;
  readonly json?: boolean;
}

/** An actor with three cards and a week of payments: its encoding, and its slot in the cache. */
const ACTOR_BYTES = 1660;
/** The same as objects. */
const HOT_ACTOR_BYTES = 5500;

/** @param others what is no option of the command */
export function showPlan(options: PlanOptions, others: readonly string[]): void {
  if (others[0] !== undefined && options.nodeOptions !== true) {
    throw new ShrikeError('USAGE', `shrike plan has no ${JSON.stringify(others[0])}`);
  }
  const users = usersOf(options);
  const here = machine();
  const cores = options.cores === undefined ? here.cores : coresOf(options.cores);
  const loaded = configOf(options, {
    'memory.limitBytes': options.memory === undefined ? undefined : bytesOf(options.memory),
    'memory.users': users,
    'input.partitions': options.partitions,
  });
  const { plan, config } = withBudgets(loaded, { ...here, cores });
  if (options.nodeOptions === true) return print(plan?.nodeOptions.join(' ') ?? '');
  if (plan === undefined) {
    throw new ShrikeError(
      'USAGE',
      'nothing limits the memory of this process: name a limit, as --memory 2Gi',
    );
  }
  const room = users === undefined ? undefined : roomFor(plan, users);
  if (options.json === true) return printJson({ ...plan, ...(room && { users: room }) });
  const { partitions } = config.input;
  const threads = `actor threads: ${config.workers}, scorers: ${config.scoring.threads}`;
  print(`${mib(plan.limitBytes)} MiB, ${partitions} partitions, ${threads}\n`);
  print(table([['MiB', 'what', 'set by'], ...plan.parts.map(row), sumRow(plan)]));
  print(`\nnode ${plan.nodeOptions.join(' ')}`);
  if (room === undefined) return;
  print(
    `\n${users} users: ${mib(room.stateBytes)} MiB of state on disk, ` +
      `${room.inMemory} of them in memory when packed, ${room.inMemoryHot} when all are in use`,
  );
}

/** Of the options of `run`, which come with --node-options, this one names a file. */
function usersOf({ users, nodeOptions }: PlanOptions): number | undefined {
  if (users === undefined || (nodeOptions === true && !/^\d+$/.test(users))) return undefined;
  return wholeNumber('--users', 0)(users);
}

/** How many users' actors the cache holds, and what all of them are on the disk. */
function roomFor({ budgets }: MemoryPlan, users: number) {
  const cacheBytes = budgets['state.cacheBytesMax'];
  return {
    count: users,
    stateBytes: users * ACTOR_BYTES,
    inMemory: Math.min(users, Math.floor(cacheBytes / ACTOR_BYTES)),
    inMemoryHot: Math.min(users, Math.floor(cacheBytes / HOT_ACTOR_BYTES)),
  };
}

function row({ part, bytes, count, key }: MemoryPart): readonly (string | number)[] {
  const each = count > 1 ? ` (${count} of ${mib(bytes / count)})` : '';
  return [mib(bytes), `${part}${each}`, key ?? ''];
}

function sumRow({ parts }: MemoryPlan): readonly string[] {
  return [mib(parts.reduce((sum, { bytes }) => sum + bytes, 0)), 'together', ''];
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
};

/** As Kubernetes writes quantities. @throws USAGE */
function bytesOf(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]i|[kMGT])?$/.exec(text) ?? [];
  if (number !== '') return Math.floor(Number(number) * (UNITS[unit] ?? 1));
  throw new ShrikeError('USAGE', `--memory wants a size like 2Gi, not ${JSON.stringify(text)}`);
}

/** `1500m` are two cores: threads come in whole ones. @throws USAGE */
function coresOf(text: string): number {
  const [, number = '', milli = ''] = /^(\d+(?:\.\d+)?)(m)?$/.exec(text) ?? [];
  const cores = Number(number) / (milli === '' ? 1 : 1000);
  if (number !== '' && cores > 0) return Math.ceil(cores);
  throw new ShrikeError('USAGE', `--cores wants 2 or 500m, not ${JSON.stringify(text)}`);
}
