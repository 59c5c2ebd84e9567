/** The memory plan of a configuration, and the configuration with what follows from it. */
import { availableParallelism } from 'node:os';
import { KEY_BY_NAME } from './config/keys.ts';
import { type LoadedConfig, withDerived } from './config/loader.ts';
import type { Config } from './core/config.ts';
import {
  BUDGET_KEYS,
  type Budgets,
  type MemoryFacts,
  type MemoryPlan,
  planMemory,
} from './core/memory-plan.ts';
import { type Machine, machine } from './machine.ts';

/** Below it a core has nothing to do its work with. */
const BYTES_A_CORE = 512 * 2 ** 20;

export interface Budgeted extends LoadedConfig {
  /** Undefined without a memory limit. */
  readonly plan: MemoryPlan | undefined;
}

/**
 * Budgets that nobody has set, derived from the memory limit; threads from the cores that this
 * process may use. Without limits, everything stays as it is.
 * @throws MEMORY_LIMIT_TOO_SMALL
 */
export function withBudgets(loaded: LoadedConfig, limits: Machine = machine()): Budgeted {
  const { config } = loaded;
  const limitBytes = limitOf(config, limits);
  if (limitBytes === undefined && limits.cores >= availableParallelism()) {
    return { ...loaded, plan: undefined };
  }
  const threads = threadsOf(config, coresFed(limits.cores, limitBytes));
  const ofThreads = {
    ...(config.workers === 0 && { workers: threads.workers }),
    ...(config.scoring.threads === 0 && { 'scoring.threads': threads.scorers }),
  };
  if (limitBytes === undefined) return { ...withDerived(loaded, ofThreads), plan: undefined };
  const plan = planMemory({
    limitBytes,
    ...threads,
    partitions: config.input.partitions,
    log: logOf(config),
    users: config.memory.users,
    set: budgetsSet(loaded),
  });
  const open = BUDGET_KEYS.filter((key) => isOpen(loaded, key));
  const budgets = Object.fromEntries(open.map((key) => [key, plan.budgets[key]]));
  return { ...withDerived(loaded, { ...ofThreads, ...budgets }), plan };
}

/**
 * A container without a limit of cores sees all of the machine's, and threads for 64 of them would
 * take the memory of 64. Who has more for each sets `workers` and `scoring.threads`.
 */
function coresFed(cores: number, limitBytes = Number.POSITIVE_INFINITY): number {
  return Math.max(1, Math.min(cores, Math.floor(limitBytes / BYTES_A_CORE)));
}

function logOf({ kafka }: Config): MemoryFacts['log'] {
  return kafka.bootstrap === '' ? 'embedded' : 'kafka';
}

function limitOf({ memory }: Config, { memoryBytes }: Machine): number | undefined {
  if (memory.limitBytes === 0) return memoryBytes;
  return memory.limitBytes > 0 ? memory.limitBytes : undefined;
}

/** As configured; where the configuration leaves it open, as many as the cores are for. */
export function threadsOf(
  config: Config,
  cores: number = availableParallelism(),
): { readonly workers: number; readonly scorers: number } {
  const { workers, scoring, input } = config;
  const threads = threadsFor(cores, logOf(config));
  return {
    workers: Math.min(workers > 0 ? workers : threads.workers, input.partitions),
    scorers: scoring.threads > 0 ? scoring.threads : threads.scorers,
  };
}

/**
 * Beside an actor thread that is busy, the main thread and the scorers take half a core on Kafka
 * (decision 20): of two cores one actor thread would leave a fifth idle. With the embedded log the
 * main thread reads and writes it as well.
 */
export function threadsFor(cores: number, log: MemoryFacts['log']) {
  const workersMin = log === 'kafka' ? Math.min(cores, 2) : 1;
  return { workers: Math.max(workersMin, cores - 1), scorers: Math.max(1, cores >> 1) };
}

function budgetsSet(loaded: LoadedConfig): Partial<Budgets> {
  const set = BUDGET_KEYS.filter((key) => !isOpen(loaded, key));
  return Object.fromEntries(set.map((key) => [key, valueOf(loaded.config, key)]));
}

/** Nobody has set it; a 0 that somebody has set says the same. */
function isOpen({ config, sources }: LoadedConfig, key: keyof Budgets): boolean {
  return sources.get(key) === 'default' || valueOf(config, key) === 0;
}

function valueOf(config: Config, key: keyof Budgets): number {
  const path = KEY_BY_NAME.get(key)?.path ?? [];
  return path.reduce<unknown>((at, name) => (at as Config)[name as never], config) as number;
}
