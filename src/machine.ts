/**
 * What this process may take of the machine: its control group's limits, of both versions. A group
 * is bound by those above it too; in a container the topmost that can be seen is the container's.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

export interface Machine {
  /** Whole cores, at least 1. */
  readonly cores: number;
  /** Undefined: nothing below the machine's own memory bounds this process. */
  readonly memoryBytes: number | undefined;
}

/** What the machine has, and a way to read its files. */
export interface MachineSources {
  /** @returns undefined when there is no such file */
  readonly read: (file: string) => string | undefined;
  readonly cores: number;
  readonly memoryBytes: number;
}

const ROOT = '/sys/fs/cgroup';

export function machine(sources: MachineSources = thisMachine()): Machine {
  const { read } = sources;
  const groups = read('/proc/self/cgroup') ?? '';
  const bounds = (
    controller: string,
    bound: (file: (name: string) => string) => number | undefined,
  ) =>
    foldersOf(groups, controller).flatMap(
      (folder) => bound((name) => read(`${folder}/${name}`)?.trim() ?? '') ?? [],
    );
  const memoryBytes = Math.min(
    ...bounds('', (file) => size(file('memory.max'))),
    ...bounds('', (file) => size(file('memory.high'))),
    ...bounds('memory', (file) => size(file('memory.limit_in_bytes'))),
  );
  const cores = Math.min(
    sources.cores,
    ...bounds('', (file) => share(file('cpu.max'))),
    ...bounds('cpu', (file) => share(`${file('cpu.cfs_quota_us')} ${file('cpu.cfs_period_us')}`)),
  );
  return {
    cores: Math.max(1, Math.ceil(cores)),
    // Version 1 says "no limit" by a number that no machine has.
    memoryBytes: memoryBytes < sources.memoryBytes ? memoryBytes : undefined,
  };
}

function thisMachine(): MachineSources {
  return { read: readText, cores: availableParallelism(), memoryBytes: totalmem() };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // not there, or not for us: as good as no limit
  }
}

/** From the group of this process up. A container may see its own group as the root. */
function foldersOf(membership: string, controller: string): readonly string[] {
  // 4:memory:/docker/0123 in version 1, 0::/docker/0123 in version 2.
  const line = membership.split('\n').find((one) => {
    const [, controllers = ''] = one.split(':');
    return controllers.split(',').includes(controller);
  });
  if (line === undefined) return [];
  const names = line.split(':').slice(2).join(':').split('/').filter(Boolean);
  const root = controller === '' ? ROOT : `${ROOT}/${controller}`;
  return Array.from({ length: names.length + 1 }, (_, i) =>
    [root, ...names.slice(0, names.length - i)].join('/'),
  );
}

/** Bytes; `max` is no limit. */
function size(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** `200000 100000` are two cores, `max 100000` and `-1 100000` are no limit. */
function share(text: string): number | undefined {
  const [quota, period] = /^(\d+) (\d+)$/.exec(text)?.slice(1).map(Number) ?? [];
  return quota === undefined || period === undefined ? undefined : quota / period;
}
