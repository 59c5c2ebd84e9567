import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG_KEYS } from '../../src/config/keys.ts';
import { type ConfigInput, loadConfig } from '../../src/config/loader.ts';
import { editDistance } from '../../src/config/suggestion.ts';
import { ConfigSchema } from '../../src/core/config.ts';
import { codeOf } from '../../src/core/errors.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shrike-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let fileCount = 0;
function fileOf(content: unknown): string {
  const path = join(folder, `shrike-${fileCount++}.json`);
  const text = typeof content === 'string' || content instanceof Uint8Array;
  writeFileSync(path, text ? content : JSON.stringify(content));
  return path;
}

const load = (input: Partial<ConfigInput>) => loadConfig({ env: {}, flags: {}, ...input });

/** Code and message, the file's name shortened. */
function refusal(input: Partial<ConfigInput>): string {
  try {
    load(input);
  } catch (error) {
    const { message } = error as Error;
    return `${codeOf(error)} ${message.replace(/\S*shrike-\d+\.json/, 'FILE')}`;
  }
  return 'accepted';
}

describe('sources', () => {
  test('without any, every key has the default of the schema', () => {
    const { config, sources } = load({});
    expect(config.checkpoints).toEqual({
      intervalMs: 10_000,
      keepCount: 3,
      compactAfterSegments: 8,
      backlogBytesMax: 67_108_864,
      keepDrills: 200,
      graceMs: 60_000,
    });
    expect([config.application, config.workers, config.outputs.scored]).toEqual([
      'shrike',
      0,
      true,
    ]);
    expect(Object.keys(config)).toEqual(Object.keys(ConfigSchema.properties));
    expect(new Set(sources.values())).toEqual(new Set(['default']));
  });

  test('flags win over variables, variables over the file, the file over defaults', () => {
    const file = fileOf({ checkpoints: { intervalMs: 1000, keepCount: 4 }, api: { port: 1 } });
    const env = { SHRIKE_CHECKPOINTS_INTERVAL_MS: '2000', SHRIKE_API_PORT: '2', PATH: '/bin' };
    const flags = { 'checkpoints.intervalMs': '3000', workers: undefined };
    const { config, sources } = load({ file, env, flags });
    const of = (key: string) => sources.get(key);
    expect([config.checkpoints.intervalMs, of('checkpoints.intervalMs')]).toEqual([
      3000,
      'flag --set checkpoints.intervalMs',
    ]);
    expect([config.api.port, of('api.port')]).toEqual([2, 'environment SHRIKE_API_PORT']);
    expect([config.checkpoints.keepCount, of('checkpoints.keepCount')]).toEqual([
      4,
      `file ${file}`,
    ]);
    expect([config.checkpoints.compactAfterSegments, of('workers')]).toEqual([8, 'default']);
  });

  test('a flag with a name of its own is called by it', () => {
    const input = { flags: { dataDir: '/tmp/x' }, flagNames: { dataDir: '--data' } };
    expect(load(input).sources.get('dataDir')).toBe('flag --data');
  });

  test('texts are converted by the type of their key', () => {
    const { config } = load({
      env: {
        SHRIKE_OUTPUTS_FEATURES: 'true',
        SHRIKE_SCORING_BATCH_WAIT_MS: '0.5',
        SHRIKE_SCORING_THRESHOLD: '-1',
        SHRIKE_LOG_SYNC: 'interval',
        SHRIKE_APPLICATION: '007',
        SHRIKE_STATE_CACHE_BYTES_MAX: '1e9',
      },
      flags: { 'logging.pretty': true, 'logging.level': 'debug' },
    });
    expect(config.outputs.features).toBe(true);
    expect(config.scoring).toMatchObject({ batchWaitMs: 0.5, threshold: -1 });
    expect([config.log.sync, config.application]).toEqual(['interval', '007']);
    expect(config.state.cacheBytesMax).toBe(1_000_000_000);
    expect(config.logging).toEqual({ level: 'debug', pretty: true });
  });

  test('a file with a byte order mark is read', () => {
    expect(load({ file: fileOf('\uFEFF{"workers": 2}') }).config.workers).toBe(2);
  });

  test.each(['SHRIKE_SERVICE_HOST', 'SHRIKE_SERVICE_PORT_HTTP', 'SHRIKE_PORT_8477_TCP_ADDR'])(
    'the variable %s, which Kubernetes makes of a service, is left alone',
    (variable) => {
      expect(refusal({ env: { [variable]: '10.0.0.7' } })).toBe('accepted');
    },
  );

  test('the address of a service is not the port of the API', () => {
    const { config } = load({
      env: { SHRIKE_API_PORT: 'tcp://10.0.0.7:80', SHRIKE_PORT: 'tcp://x' },
    });
    expect(config.api.port).toBe(8477);
  });

  test('variables that somebody else reads are left alone when they are named', () => {
    const env = { SHRIKE_REAL_DATA: '1' };
    expect(refusal({ env, otherVariables: ['SHRIKE_REAL_DATA'] })).toBe('accepted');
  });
});

describe('what is refused', () => {
  test.each([
    [
      { checkpoints: { intervall: 5 } },
      'checkpoints.intervall (did you mean checkpoints.intervalMs?)',
    ],
    [{ checkpoint: { intervalMs: 5 } }, 'checkpoint (did you mean checkpoints?)'],
    [{ intervalMs: 5 }, 'intervalMs (did you mean checkpoints.intervalMs?)'],
    [{ Workers: 1 }, 'Workers (did you mean workers?)'],
    [{ api: { certificate: 'x' } }, 'api.certificate'],
    [JSON.parse('{"__proto__": {"workers": 1}}'), '__proto__'],
    [{ constructor: 1 }, 'constructor'],
  ])('an unknown key of the file: %j', (content, message) => {
    expect(refusal({ file: fileOf(content) })).toBe(
      `CONFIG_UNKNOWN_KEY file FILE: unknown key ${message}`,
    );
  });

  test('an unknown variable and an unknown flag', () => {
    expect(refusal({ env: { SHRIKE_CHECKPOINTS_INTERVAL: '5' } })).toBe(
      'CONFIG_UNKNOWN_KEY environment: unknown key SHRIKE_CHECKPOINTS_INTERVAL ' +
        '(did you mean SHRIKE_CHECKPOINTS_INTERVAL_MS?)',
    );
    expect(refusal({ flags: { 'checkpoints.keepcount': '5' } })).toBe(
      'CONFIG_UNKNOWN_KEY flag --set checkpoints.keepcount: unknown key checkpoints.keepcount ' +
        '(did you mean checkpoints.keepCount?)',
    );
  });

  test.each([
    [
      { checkpoints: { intervalMs: 49 } },
      'checkpoints.intervalMs is 49; allowed: a whole number from 50 to 86400000',
    ],
    [{ workers: 1.5 }, 'workers is 1.5; allowed: a whole number from 0 to 64'],
    [{ workers: '3' }, 'workers is "3"; allowed: a whole number from 0 to 64'],
    [{ workers: null }, 'workers is null; allowed: a whole number from 0 to 64'],
    [{ scoring: { threshold: 2 } }, 'scoring.threshold is 2; allowed: a number, at most 1'],
    [{ outputs: { scored: 1 } }, 'outputs.scored is 1; allowed: true, false'],
    [{ log: { sync: 'never' } }, 'log.sync is "never"; allowed: commit, interval'],
    [
      { logging: { level: 'loud' } },
      'logging.level is "loud"; allowed: trace, debug, info, warn, error',
    ],
    [
      { application: '-x' },
      'application is "-x"; allowed: a text like ^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$',
    ],
    [
      { input: { cards: 'cards/../..' } },
      'input.cards is "cards/../.."; allowed: a text like ^[a-zA-Z0-9._-]{1,249}$',
    ],
    [{ model: {} }, 'model is {}; allowed: a text'],
    [{ api: 8080 }, 'api is 8080; allowed: an object of keys'],
    [[], 'the file is []; allowed: an object of keys'],
  ])('a wrong value of the file: %j', (content, message) => {
    expect(refusal({ file: fileOf(content) })).toBe(`CONFIG_INVALID file FILE: ${message}`);
  });

  test('a wrong value names the variable or the flag, also when a stronger source replaces it', () => {
    const env = { SHRIKE_WORKERS: 'three' };
    const message =
      'CONFIG_INVALID environment SHRIKE_WORKERS: workers is "three"; ' +
      'allowed: a whole number from 0 to 64';
    expect(refusal({ env })).toBe(message);
    expect(refusal({ env, flags: { workers: '3' } })).toBe(message);
    for (const text of ['', ' 1', '0x1', '1_0', 'Infinity', 'NaN', '1e']) {
      expect(refusal({ flags: { workers: text } })).toBe(
        `CONFIG_INVALID flag --set workers: workers is ${JSON.stringify(text)}; ` +
          'allowed: a whole number from 0 to 64',
      );
    }
    expect(refusal({ flags: { 'outputs.scored': 'yes' } })).toBe(
      'CONFIG_INVALID flag --set outputs.scored: outputs.scored is "yes"; allowed: true, false',
    );
  });

  test('a file that is missing, is no JSON, or is not UTF-8', () => {
    expect(refusal({ file: join(folder, 'none.json') })).toMatch(
      /^CONFIG_UNREADABLE configuration file .*none\.json cannot be read$/,
    );
    expect(refusal({ file: folder })).toMatch(/^CONFIG_UNREADABLE .* cannot be read$/);
    for (const text of ['', '{"workers": 1,}', 'workers: 1']) {
      expect(refusal({ file: fileOf(text) })).toBe(
        'CONFIG_UNREADABLE configuration file FILE is not JSON',
      );
    }
    const latin1 = Uint8Array.from([0x7b, 0x22, 0xe4, 0x22, 0x3a, 0x31, 0x7d]);
    expect(refusal({ file: fileOf(latin1) })).toBe(
      'CONFIG_UNREADABLE configuration file FILE cannot be read',
    );
  });
});

test('the variable of a key follows from its name', () => {
  const variables = Object.fromEntries(CONFIG_KEYS.map(({ key, variable }) => [key, variable]));
  expect(variables).toMatchObject({
    dataDir: 'SHRIKE_DATA_DIR',
    'checkpoints.intervalMs': 'SHRIKE_CHECKPOINTS_INTERVAL_MS',
    'log.syncIntervalMs': 'SHRIKE_LOG_SYNC_INTERVAL_MS',
    'api.host': 'SHRIKE_API_HOST',
  });
});

test.each([
  ['', '', 0],
  ['abc', 'abc', 0],
  ['abc', '', 3],
  ['kitten', 'sitting', 3],
  ['intervall', 'intervalMs', 2],
])('the edit distance of %j and %j is %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});
