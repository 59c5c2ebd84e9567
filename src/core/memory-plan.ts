/**
 * How a process shares out the memory it may take, decided before it starts: what is in here adds
 * up to the limit, so that a container is not killed for what nobody has counted.
 *
 * M1  The parts add up to the limit exactly; what rounding leaves is the page cache's.
 * M2  A larger limit makes no budget smaller.
 * M3  What the configuration sets is taken as it is, and the others share the rest.
 * M4  A limit that does not hold the least of everything is refused, with what would.
 *
 * Sizes are those of one process that has all partitions: its neighbours may go at any moment.
 * Where the constants come from: docs/decisions/0017-memory-is-planned.md.
 */
import { ShrikeError } from './errors.ts';

const KIB = 1 << 10;
const MIB = 1 << 20;

/** Budgets that the configuration can set; what it leaves open is derived. */
export const BUDGET_KEYS = [
  'state.cacheBytesMax',
  'state.dirtyBytesMax',
  'state.rocksCacheBytes',
  'checkpoints.backlogBytesMax',
  'memory.mainHeapBytes',
  'memory.actorHeapBytes',
  'memory.actorYoungBytes',
  'memory.scorerHeapBytes',
] as const;
export type BudgetKey = (typeof BUDGET_KEYS)[number];
export type Budgets = Readonly<Record<BudgetKey, number>>;

export interface MemoryFacts {
  readonly limitBytes: number;
  readonly partitions: number;
  /** Actor threads. */
  readonly workers: number;
  /** Scorer threads. */
  readonly scorers: number;
  readonly log: 'embedded' | 'kafka';
  /** Users whose profiles are held, with three cards each. */
  readonly users: number;
  /** What the configuration sets. */
  readonly set: Partial<Budgets>;
}

export interface MemoryPart {
  readonly part: string;
  /** Of all together. */
  readonly bytes: number;
  /** How many there are, where each has a budget of its own. */
  readonly count: number;
  readonly key?: BudgetKey;
}

export interface MemoryPlan {
  readonly limitBytes: number;
  readonly parts: readonly MemoryPart[];
  readonly budgets: Budgets;
  /** For the start of the process: nothing bounds the main thread's heap later than that. */
  readonly nodeOptions: readonly string[];
}

/** Semispace of the main thread; V8's young generation is three of them. */
const MAIN_SEMI_MIB = 8;
/** Of a scorer: a call makes a few hundred bytes of garbage. */
export const SCORER_YOUNG_BYTES = 12 * MIB;

/** What does not depend on the limit. Bytes. */
const FIXED = {
  mainYoung: 3 * MAIN_SEMI_MIB * MIB,
  /** Program text of Node.js, ONNX Runtime and RocksDB that is in use. */
  code: 48 * MIB,
  /** Outside of V8's heaps: the program itself with libuv's and V8's own threads. */
  native: 24 * MIB,
  /** Each thread: V8's isolate, compiled code, the stack. */
  thread: 8 * MIB,
  onnxLibrary: 12 * MIB,
  /** Session and arena, batches of 1,024 rows. */
  onnxSession: 6 * MIB,
  /** Two memtables of 32 MiB, 8 of blocks, 16 of the log's tail. */
  embeddedLog: 88 * MIB,
  /** Two answers of 8 MiB: one is read while the next one comes. */
  kafkaWorker: 16 * MIB,
  /** What is appended at once. */
  kafkaProducer: 16 * MIB,
  /** Six batches of 1,024 records; those that wait for a commit hold their outputs alone. */
  inFlight: 2 * MIB,
  /** A segment of 16 MiB on its way to the object store. */
  upload: 16 * MIB,
  /** Profiles in typed arrays: 48 bytes a user, 32 a card, 36 of the index, a quarter of slack. */
  profile: 256,
} as const;

/** Of the limit: what allocators leave between what they gave; pages of files. */
const SLACK_SHARE = 0.04;
const PAGES_SHARE = 0.06;

const PAGES_BYTES_MIN = 24 * MIB;

const ROCKS_STORE_BYTES_MIN = MIB;
const MEMTABLE_BYTES_MAX = 16 * MIB;
const YOUNG_BYTES_MIN = 24 * MIB;
/** Old generation of an actor thread without an actor in it. */
const ACTOR_HEAP_BYTES = 40 * MIB;
/** Of the actors of one partition. */
const CACHE_BYTES_MIN = 512 * KIB;

/** What one partition's store gets of the process's block cache. */
export function blockCacheBytes(rocksCacheBytes: number, partitions: number): number {
  return Math.max(ROCKS_STORE_BYTES_MIN, Math.floor(rocksCacheBytes / partitions));
}

/** One memtable of a partition's store; RocksDB keeps up to two of them. */
export function memtableBytes(rocksCacheBytes: number, partitions: number): number {
  return Math.min(MEMTABLE_BYTES_MAX, blockCacheBytes(rocksCacheBytes, partitions));
}

/** V8 takes three semispaces, each a power of two: what it makes of a young generation's limit. */
export function youngBytes(wanted: number): number {
  return 3 * 2 ** Math.ceil(Math.log2(Math.max(MIB, wanted / 3)));
}

/** Budgets with a share of their own. The actors' cache and heaps take what is left. */
interface Rule {
  readonly key: Exclude<BudgetKey, 'state.cacheBytesMax' | 'memory.actorHeapBytes'>;
  readonly min: (facts: MemoryFacts) => number;
  readonly max: number;
  /** Of what is left when everything has its least. */
  readonly share: number;
  /** How many have such a budget each. */
  readonly count: (facts: MemoryFacts) => number;
  /** A size that can be told to who keeps to it, not above the wanted one. */
  readonly rounded: (bytes: number) => number;
  /** What each takes of the limit. */
  readonly cost: (bytes: number, facts: MemoryFacts) => number;
}

const floorTo = (unit: number) => (bytes: number) => Math.floor(bytes / unit) * unit;
const ofPartitions = ({ partitions }: MemoryFacts) => partitions;
const asItIs = (bytes: number) => bytes;

const RULES: readonly Rule[] = [
  {
    key: 'state.dirtyBytesMax',
    min: () => 256 * KIB,
    max: 32 * MIB,
    share: 0.06,
    count: ofPartitions,
    rounded: floorTo(64 * KIB),
    // As objects in a heap, and packed in an image while it is written.
    cost: (bytes, { set }) => (set['memory.actorHeapBytes'] === undefined ? 2 : 1) * bytes,
  },
  {
    key: 'checkpoints.backlogBytesMax',
    min: () => 256 * KIB,
    max: 64 * MIB,
    share: 0.06,
    count: ofPartitions,
    rounded: floorTo(64 * KIB),
    cost: asItIs,
  },
  {
    key: 'state.rocksCacheBytes',
    min: ({ partitions }) => partitions * ROCKS_STORE_BYTES_MIN,
    max: 2048 * MIB,
    share: 0.05,
    count: () => 1,
    rounded: floorTo(MIB),
    cost: (bytes, { partitions }) =>
      partitions * (blockCacheBytes(bytes, partitions) + 2 * memtableBytes(bytes, partitions)),
  },
  {
    key: 'memory.mainHeapBytes',
    min: () => 48 * MIB,
    max: 512 * MIB,
    share: 0.04,
    count: () => 1,
    rounded: floorTo(MIB),
    cost: asItIs,
  },
  {
    // Payments live from their step to their commit, and a scavenge copies those that are under
    // way, 7 MiB with 8 partitions. Of 192 MiB a third is to be filled between two scavenges, so
    // that they are few. Measured with a million users: 64 MiB costs 3 CPU seconds more a million
    // payments; with 3,000 users it makes no difference, and 192 takes 40 MiB more.
    key: 'memory.actorYoungBytes',
    min: () => YOUNG_BYTES_MIN,
    max: 192 * MIB,
    share: 0.1,
    count: ({ workers }) => workers,
    rounded: (bytes) => 3 * 2 ** Math.floor(Math.log2(bytes / 3)),
    cost: (bytes, { set }) =>
      set['memory.actorYoungBytes'] === undefined ? bytes : youngBytes(bytes),
  },
  {
    key: 'memory.scorerHeapBytes',
    min: () => 24 * MIB,
    max: 64 * MIB,
    share: 0.01,
    count: ({ scorers }) => scorers,
    rounded: floorTo(MIB),
    cost: asItIs,
  },
];

/** @throws MEMORY_LIMIT_TOO_SMALL with the limit that would do */
export function planMemory(facts: MemoryFacts): MemoryPlan {
  const { limitBytes, partitions, workers, scorers } = facts;
  const least = leastBytes(facts);
  const spareBytes = usableBytes(limitBytes) - least;
  if (spareBytes < 0) {
    const wanted = Math.max(
      least / (1 - SLACK_SHARE - PAGES_SHARE),
      (least + PAGES_BYTES_MIN) / (1 - SLACK_SHARE),
    );
    throw new ShrikeError(
      'MEMORY_LIMIT_TOO_SMALL',
      `a memory limit of ${Math.floor(limitBytes / MIB)} MiB is too small: with what the ` +
        `configuration sets, ${partitions} partitions, actor threads: ${workers}, ` +
        `scorers: ${scorers} take ${Math.ceil(wanted / MIB)} MiB at least`,
    );
  }
  const budgets = budgetsOf(facts, spareBytes);
  const counted = [...budgetParts(facts, budgets), ...fixedParts(facts)];
  const pages = limitBytes - counted.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    limitBytes,
    parts: [
      ...counted,
      { part: 'pages of files, and room for commands beside it', bytes: pages, count: 1 },
    ],
    budgets,
    nodeOptions: [
      `--max-old-space-size=${Math.floor(budgets['memory.mainHeapBytes'] / MIB)}`,
      `--max-semi-space-size=${MAIN_SEMI_MIB}`,
    ],
  };
}

function usableBytes(limitBytes: number): number {
  return limitBytes * (1 - SLACK_SHARE) - Math.max(PAGES_BYTES_MIN, limitBytes * PAGES_SHARE);
}

/** What everything takes that is fixed, set, or has its least. */
function leastBytes(facts: MemoryFacts): number {
  const { set, workers, partitions } = facts;
  const fixed = fixedParts({ ...facts, limitBytes: 0 }).reduce((sum, { bytes }) => sum + bytes, 0);
  const ruled = RULES.reduce(
    (sum, rule) => sum + costOf(rule, facts, set[rule.key] ?? rule.min(facts)),
    0,
  );
  const heap = set['memory.actorHeapBytes'];
  const cache = set['state.cacheBytesMax'] ?? partitions * CACHE_BYTES_MIN;
  return (
    fixed +
    ruled +
    cache +
    (heap === undefined ? cache + workers * ACTOR_HEAP_BYTES : workers * heap)
  );
}

function costOf(rule: Rule, facts: MemoryFacts, each: number): number {
  return rule.count(facts) * rule.cost(each, facts);
}

function budgetsOf(facts: MemoryFacts, spareBytes: number): Budgets {
  const { set, partitions, workers } = facts;
  const budgets: Partial<Record<BudgetKey, number>> = {};
  let left = spareBytes;
  for (const rule of RULES) {
    const min = rule.min(facts);
    const share = (rule.share * spareBytes) / rule.count(facts);
    const each = Math.min(rule.max, min + share);
    budgets[rule.key] = set[rule.key] ?? rule.rounded(each);
    // What rounding leaves is not given to others, or a larger limit could make them smaller (M2).
    if (set[rule.key] === undefined) left -= costOf(rule, facts, each) - costOf(rule, facts, min);
  }
  const heap = set['memory.actorHeapBytes'];
  // Actors are objects in a heap while they are hot, and packed outside of it while they are not.
  const places = heap === undefined ? 2 : 1;
  const cache =
    set['state.cacheBytesMax'] ?? partitions * CACHE_BYTES_MIN + floorTo(MIB)(left / places);
  const actors = cache + partitions * (budgets['state.dirtyBytesMax'] ?? 0);
  budgets['state.cacheBytesMax'] = cache;
  budgets['memory.actorHeapBytes'] = heap ?? floorTo(MIB)(ACTOR_HEAP_BYTES + actors / workers);
  return budgets as Budgets;
}

function budgetParts(facts: MemoryFacts, budgets: Budgets): readonly MemoryPart[] {
  const { partitions, workers, scorers } = facts;
  const rocks = budgets['state.rocksCacheBytes'];
  const part = (name: string, key: BudgetKey, count = 1): MemoryPart => ({
    part: name,
    key,
    count,
    bytes: count * budgets[key],
  });
  const ofStores = (name: string, each: number): MemoryPart => ({
    part: name,
    key: 'state.rocksCacheBytes',
    count: partitions,
    bytes: partitions * each,
  });
  return [
    part('main thread, old generation', 'memory.mainHeapBytes'),
    part('actor threads, old generation', 'memory.actorHeapBytes', workers),
    {
      ...part('actor threads, young generation', 'memory.actorYoungBytes', workers),
      bytes: workers * youngBytes(budgets['memory.actorYoungBytes']),
    },
    part('scorers, old generation', 'memory.scorerHeapBytes', scorers),
    part('actors outside of the heaps', 'state.cacheBytesMax'),
    part('changes until a checkpoint', 'state.dirtyBytesMax', partitions),
    part('snapshots that wait for the store', 'checkpoints.backlogBytesMax', partitions),
    ofStores('RocksDB, block caches', blockCacheBytes(rocks, partitions)),
    ofStores('RocksDB, two memtables each', 2 * memtableBytes(rocks, partitions)),
  ];
}

function fixedParts(facts: MemoryFacts): readonly MemoryPart[] {
  const { partitions, workers, scorers, users, log, limitBytes } = facts;
  const part = (name: string, each: number, count = 1): MemoryPart => ({
    part: name,
    count,
    bytes: count * each,
  });
  return [
    part('main thread, young generation', FIXED.mainYoung),
    part('scorers, young generation', SCORER_YOUNG_BYTES, scorers),
    part('ONNX Runtime', FIXED.onnxLibrary),
    part('ONNX sessions and arenas', FIXED.onnxSession, scorers),
    log === 'embedded'
      ? part('the embedded log: memtables, blocks, tail', FIXED.embeddedLog)
      : part('Kafka, what is appended', FIXED.kafkaProducer),
    ...(log === 'kafka' ? [part('Kafka, what is fetched', FIXED.kafkaWorker, workers)] : []),
    part('batches between step and commit', FIXED.inFlight, partitions),
    part('segments on their way to the store', FIXED.upload, workers),
    part('profiles', users * FIXED.profile),
    part('stacks and isolates of threads', FIXED.thread, 1 + workers + scorers),
    part('native parts of Node.js', FIXED.native),
    part('code', FIXED.code),
    part('left between by allocators', Math.floor(limitBytes * SLACK_SHARE)),
  ];
}
