import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import { threadsFor, withBudgets } from '../../src/budgets.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/loader.ts';
import { BUDGET_KEYS, planMemory, youngBytes } from '../../src/core/memory-plan.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const loaded = (flags: Readonly<Record<string, unknown>> = {}): LoadedConfig =>
  loadConfig({ env: {}, flags });

test('without limits the configuration stays as it is', () => {
  const before = loaded();
  const after = withBudgets(before, { cores: availableParallelism(), memoryBytes: undefined });
  expect(after.plan).toBeUndefined();
  expect(after.config).toEqual(before.config);
  expect([...after.sources.values()]).not.toContain('derived');
});

test('a limit derives every budget and the threads, and says so', () => {
  const { config, sources, plan } = withBudgets(loaded(), { cores: 2, memoryBytes: 2 * GIB });
  expect(BUDGET_KEYS.map((key) => sources.get(key))).toEqual(BUDGET_KEYS.map(() => 'derived'));
  expect(config).toMatchObject({
    workers: 1,
    scoring: { threads: 1 },
    state: { cacheBytesMax: 364 * MIB, rocksCacheBytes: 77 * MIB },
    memory: { mainHeapBytes: 103 * MIB, actorHeapBytes: 489 * MIB, actorYoungBytes: 96 * MIB },
  });
  expect(plan?.nodeOptions).toEqual(['--max-old-space-size=103', '--max-semi-space-size=8']);
  expect(sources.get('api.port')).toBe('default');
});

test('what is set is kept, and its source with it; the others get what it leaves', () => {
  const small = withBudgets(loaded({ 'state.cacheBytesMax': 64 * MIB, workers: 3 }), {
    cores: 2,
    memoryBytes: 2 * GIB,
  });
  expect(small.config.state.cacheBytesMax).toBe(64 * MIB);
  expect(small.sources.get('state.cacheBytesMax')).toBe('flag --set state.cacheBytesMax');
  expect(small.config.workers).toBe(3);
  const pages = (plan: typeof small.plan) => plan?.parts.at(-1)?.bytes ?? 0;
  const open = withBudgets(loaded({ workers: 3 }), { cores: 2, memoryBytes: 2 * GIB });
  expect(pages(small.plan)).toBeGreaterThan(pages(open.plan));
});

test('memory.limitBytes goes before the limit of the container, and -1 switches it off', () => {
  const container = { cores: 2, memoryBytes: GIB };
  const lowered = withBudgets(loaded({ 'memory.limitBytes': 700 * MIB }), container);
  expect(lowered.plan?.limitBytes).toBe(700 * MIB);
  expect(withBudgets(loaded({ 'memory.limitBytes': -1 }), container).plan).toBeUndefined();
});

test('fewer cores than the machine has make fewer threads, also without a memory limit', () => {
  const cores = availableParallelism();
  const { config, sources } = withBudgets(loaded(), { cores: cores - 1, memoryBytes: undefined });
  expect(sources.get('workers')).toBe('derived');
  expect(config.workers).toBe(Math.min(8, Math.max(1, cores - 2)));
});

test.each([
  [1, 'kafka', 1, 1],
  [2, 'kafka', 2, 1],
  [3, 'kafka', 2, 1],
  [16, 'kafka', 15, 8],
  [1, 'embedded', 1, 1],
  [2, 'embedded', 1, 1],
  [4, 'embedded', 3, 2],
] as const)('%i cores, %s: %i actor threads and %i scorers', (cores, log, workers, scorers) => {
  expect(threadsFor(cores, log)).toEqual({ workers, scorers });
});

test('threads are no more than the memory feeds, whatever the machine has', () => {
  const { config } = withBudgets(loaded(), { cores: 64, memoryBytes: 2 * GIB });
  expect(config).toMatchObject({ workers: 3, scoring: { threads: 2 } });
  const wide = withBudgets(loaded({ workers: 5 }), { cores: 64, memoryBytes: 2 * GIB });
  expect(wide.config.workers).toBe(5);
});

test('a limit that is too small is refused with the one that would do', () => {
  expect(() => withBudgets(loaded(), { cores: 1, memoryBytes: 256 * MIB })).toThrow(
    expect.objectContaining({
      code: 'MEMORY_LIMIT_TOO_SMALL',
      message:
        'a memory limit of 256 MiB is too small: with what the configuration sets, 8 partitions, ' +
        'actor threads: 1, scorers: 1 take 507 MiB at least',
    }),
  );
});

test('a cache that the limit cannot hold is refused, not given', () => {
  const greedy = loaded({ 'state.cacheBytesMax': GIB });
  expect(() => withBudgets(greedy, { cores: 1, memoryBytes: GIB })).toThrow(/too small/);
});

test("V8's young generations come in powers of two, and are counted so", () => {
  expect([3, 12, 13, 48, 100, 192].map((mib) => youngBytes(mib * MIB) / MIB)).toEqual([
    3, 12, 24, 48, 192, 192,
  ]);
  const set = { 'memory.actorYoungBytes': 100 * MIB };
  const facts = { limitBytes: 2 * GIB, partitions: 8, workers: 1, scorers: 1, users: 0 };
  const { parts } = planMemory({ ...facts, log: 'kafka', set });
  expect(parts.find(({ part }) => part.startsWith('actor threads, young'))?.bytes).toBe(192 * MIB);
});
