/**
 * `shrike lake compact` on a real MinIO: real alerts in, Parquet out that other readers understand;
 * killed between its steps, and beside itself. Needs `npx tsc -b`.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { Command, type Ended, GOLDEN_CSV, shrike, until } from '../support/command-line.ts';
import {
  type Alert,
  alertOf,
  alertOfRow,
  atDay,
  packed,
  parquetRows,
  sourceKey,
} from '../support/lake.ts';
import { clientOf } from '../support/minio-role.ts';
import { type MinioServer, sharedMinio } from '../support/minio-server.ts';
import { s3Store } from '../support/s3-stores.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { openStoreProxy, type StoreProxy } from '../support/store-proxy.ts';

const BUCKET = 'lake-test';
/** Days that are over, and one that keeps the newest object of each partition. */
const [DAY_1, DAY_2, NEWEST] = ['2026-01-05', '2026-01-06', '2026-01-08'] as const;

let minio: MinioServer;
let client: S3Client;
let lakes = 0;

beforeAll(async () => {
  minio = await sharedMinio();
  Object.assign(process.env, minio.env);
  await minio.createBucket(BUCKET);
  client = clientOf(minio, minio.env);
});
afterAll(() => client?.destroy());

class Lake {
  readonly prefix = `lake-${lakes++}/alerts/`;
  readonly place = `s3://${BUCKET}/${this.prefix}`;
  readonly store: Promise<ObjectStore>;

  constructor() {
    this.store = s3Store({ bucket: BUCKET, prefix: this.prefix, endpoint: minio.endpoint });
  }

  /** As if the sink had written it that day: MinIO takes the time from a header. */
  async put(key: string, day: string, body: Uint8Array): Promise<void> {
    const command = new PutObjectCommand({
      Bucket: BUCKET,
      Key: `${this.prefix}${key}`,
      Body: body,
    });
    command.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { readonly headers: Record<string, string> };
        headers['x-minio-source-mtime'] = new Date(atDay(day)).toISOString();
        return next(args);
      },
      { step: 'build' },
    );
    await client.send(command);
  }

  start(args: readonly string[] = [], endpoint = minio.endpoint): Command {
    const flags = ['--set', `s3.endpoint=${endpoint}`, '--set', 's3.pathStyle=true'];
    return new Command(['lake', 'compact', '--from', this.place, ...flags, ...args], minio.env);
  }

  compact(...args: readonly string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  async keys(): Promise<readonly string[]> {
    return (await (await this.store).list('')).map(({ key }) => key);
  }

  async sources(): Promise<readonly string[]> {
    return (await this.keys()).filter((key) => !key.startsWith('compacted/'));
  }

  async outputs(): Promise<ReadonlyMap<string, Uint8Array>> {
    const store = await this.store;
    const bodies = new Map<string, Uint8Array>();
    for (const key of await this.keys()) {
      const body = key.endsWith('.parquet') ? await store.get(key) : undefined;
      if (body !== undefined) bodies.set(key, body);
    }
    return bodies;
  }

  /** All of it, as files. */
  async copyTo(folder: string): Promise<void> {
    for (const key of await this.keys()) {
      await mkdir(dirname(join(folder, key)), { recursive: true });
      await writeFile(join(folder, key), (await (await this.store).get(key)) ?? '');
    }
  }

  async alerts(): Promise<readonly Alert[]> {
    const rows = await Promise.all([...(await this.outputs()).values()].map(parquetRows));
    return rows.flat().map(alertOfRow);
  }
}

const alerts = (from: number, to: number, partition = 0) =>
  Array.from({ length: to - from }, (_, i) => alertOf(from + i, partition));
const byId = (all: readonly Alert[]) =>
  all.toSorted((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
const outputName = (day: string, lane: string, first: number, last: number) =>
  `compacted/day=${day}/fraud_alerts-${lane}-${[first, last].map((one) => String(one).padStart(16, '0')).join('-')}.parquet`;

/** Twenty objects of five alerts in one partition, and the newest one. */
async function filledLake(): Promise<Lake> {
  const lake = new Lake();
  for (let i = 0; i < 20; i++) {
    const start = 5 * i;
    await lake.put(sourceKey(0, start), DAY_1, packed(alerts(start, start + 5)));
  }
  await lake.put(sourceKey(0, 100), NEWEST, packed(alerts(100, 101)));
  return lake;
}

async function expectCompacted(lake: Lake): Promise<void> {
  expect(await lake.sources()).toEqual([sourceKey(0, 100)]);
  expect([...(await lake.outputs()).keys()]).toEqual([outputName(DAY_1, '0', 0, 95)]);
  expect(byId(await lake.alerts())).toEqual(byId(alerts(0, 100)));
}

test("an engine's alerts come out as they went in, each once, for ClickHouse as well", async () => {
  const folder = await scratchFolder();
  const files = ['--until-end', '--out', join(folder, 'out'), '--port', '0'];
  const run = ['run', '--source', 'csv', ...GOLDEN_CSV, '--data', join(folder, 'data'), ...files];
  expect(await shrike(...run)).toMatchObject({ code: 0 });
  const text = await readFile(join(folder, 'out', 'fraud_alerts.jsonl'), 'utf8');
  const lines = text.trimEnd().split('\n');
  expect(lines).toHaveLength(20);

  const lake = new Lake();
  await lake.put(sourceKey(0, 3), DAY_1, packed(lines.slice(0, 8)));
  const wrapped = lines.slice(8, 12).map((line) => `{"value":${line}}`);
  await lake.put('fraud_alerts-0-00000000000000000012.jsonl.gz', DAY_1, packed(wrapped));
  // What the connector writes again after a crash, and in other cuts.
  await lake.put(sourceKey(0, 10), DAY_2, packed(lines.slice(6)));
  await lake.put(sourceKey(0, 99), NEWEST, packed(['{}']));
  const { stdout, ...ended } = await lake.compact('--json');
  expect([ended, JSON.parse(stdout)]).toMatchObject([
    { code: 0, stderr: '' },
    {
      dryRun: false,
      outputs: [
        { key: outputName(DAY_1, '0', 3, 12), sources: 2, rows: 12, duplicates: 0, rawRows: 0 },
        { key: outputName(DAY_2, '0', 10, 10), sources: 1, rows: 8, duplicates: 6, rawRows: 0 },
      ],
      ...{ deleted: 3, leftovers: 0, left: { young: 0, newest: 1, large: 0 } },
      ...{ unreadable: [], others: [], conflicts: [] },
    },
  ]);
  const published = lines.map((line) => JSON.parse(line) as Alert);
  expect(byId(await lake.alerts())).toEqual(byId(published));
  expect(await lake.sources()).toEqual([sourceKey(0, 99)]);

  await lake.copyTo(folder);
  expect(byId(await inClickHouse(join(folder, 'compacted/*/*.parquet')))).toEqual(byId(published));
});

async function clickHouse(sql: string): Promise<readonly string[]> {
  const execute = promisify(execFile);
  const chdb = (await execute('bash', ['tools/install-chdb.sh'])).stdout.trim();
  const { stdout } = await execute(process.execPath, ['test/support/chdb-query.mjs', chdb, sql]);
  return stdout.trimEnd().split('\n');
}

async function inClickHouse(files: string): Promise<readonly Alert[]> {
  const rows = await clickHouse(`SELECT * EXCEPT (raw, source_offset, event_time),
    raw IS NULL AS whole, formatDateTime(event_time, '%Y-%m-%dT%H:%i', 'UTC') AS event_time
    FROM file('${files}', Parquet) SETTINGS output_format_json_quote_64bit_integers = 0`);
  return rows.map((row) => {
    const {
      features,
      profile_user: user,
      profile_card: card,
      whole,
      day,
      ...rest
    } = JSON.parse(row) as {
      readonly [name: string]: unknown;
      readonly features: string;
    };
    // The folder's name as a column: readers know `day=…`.
    expect([whole, day]).toEqual([1, expect.stringMatching(/^2026-01-0[56]$/)]);
    return { ...rest, features: JSON.parse(features) as object, profiles: { user, card } };
  });
}

test.each([
  ['before the output is read back', /^GET \/lake-test\/.*\.parquet/],
  ['while sources are deleted', /^DELETE /],
])('a run that is killed %s is gone on with by the next one', async (_when, request) => {
  const lake = await filledLake();
  const proxy = await openProxy();
  proxy.fault = (head) => (request.test(head) ? 'hold-answer' : undefined);
  const command = lake.start([], proxy.endpoint);
  await until(() => proxy.heads.some((head) => request.test(head)));
  command.process.kill('SIGKILL');
  await command.ended;
  // It is there, and so are sources that it has.
  expect((await lake.outputs()).size).toBe(1);
  expect((await lake.sources()).length).toBeGreaterThan(1);
  expect(await idsByReadme(lake)).toEqual(
    alerts(0, 101)
      .map(({ id }) => id as string)
      .toSorted(),
  );

  const { stdout } = await lake.compact('--json');
  const summary = JSON.parse(stdout) as { readonly leftovers: number };
  expect(summary).toMatchObject({ outputs: [], conflicts: [], deleted: summary.leftovers });
  expect(summary.leftovers).toBeGreaterThan(0);
  await expectCompacted(lake);
});

/** What the README's query gives for a lake that has alerts in an output and in sources. */
async function idsByReadme(lake: Lake): Promise<readonly string[]> {
  const folder = await scratchFolder();
  await lake.copyTo(folder);
  const readme = await readFile('src/lake/README.md', 'utf8');
  const sql = /```sql\n(SELECT[^`]*)```/.exec(readme)?.[1] ?? '';
  const rows = await clickHouse(sql.replaceAll(/s3\('https:.*?\/alerts\//g, `file('${folder}/`));
  return rows.map((row) => (JSON.parse(row) as { readonly id: string }).id).toSorted();
}

async function openProxy(): Promise<StoreProxy> {
  const proxy = await openStoreProxy(minio.address);
  onTestFinished(() => proxy.close());
  return proxy;
}

test('a run that is killed before its put has changed nothing', async () => {
  const lake = await filledLake();
  const before = await lake.keys();
  const proxy = await openProxy();
  // The request never arrives.
  const isPut = (head: string) => /^PUT .*\.parquet/.test(head);
  proxy.fault = (head) => (isPut(head) ? 'reset' : undefined);
  const command = lake.start([], proxy.endpoint);
  await until(() => proxy.heads.some(isPut));
  command.process.kill('SIGKILL');
  await command.ended;
  expect(await lake.keys()).toEqual(before);
  expect(await lake.compact()).toMatchObject({ code: 0 });
  await expectCompacted(lake);
});

test('two runs at the same time do no harm', async () => {
  const lake = await filledLake();
  const ends = await Promise.all([lake.compact('--json'), lake.compact('--json')]);
  expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  await lake.compact();
  await expectCompacted(lake);
});

test('objects of today are left, and --dry-run touches nothing', async () => {
  const lake = await filledLake();
  await (await lake.store).put(sourceKey(0, 200), packed(alerts(200, 201)));
  const before = await lake.keys();
  const { stdout } = await lake.compact('--dry-run');
  expect(stdout.split('\n').slice(0, -1)).toEqual([
    `${outputName(DAY_1, '0', 0, 95)}  20 objects`,
    `${outputName(NEWEST, '0', 100, 100)}  1 objects`,
    'would compact 21 objects into 2, and delete 0 more that an earlier run left',
    'left: 1 too young, 0 of the newest day of their partition, 0 too large',
  ]);
  expect(await lake.keys()).toEqual(before);
});

test('an object that cannot be read stays and is named, also by the next run; all others are compacted', async () => {
  const lake = await filledLake();
  const damaged = packed(alerts(300, 305)).subarray(0, -5);
  await lake.put('eu-alerts-4-7.jsonl.gz', DAY_1, damaged);
  await lake.put('eu-alerts-4-9.jsonl.gz', NEWEST, damaged);
  for (const reason of ['unexpected end of file', 'as in an earlier run']) {
    const { code, stdout, stderr } = await lake.compact();
    expect([code, stderr]).toEqual([1, expect.stringContaining('[LAKE_OBJECT_UNREADABLE]')]);
    expect(stdout).toContain(`cannot be read: eu-alerts-4-7.jsonl.gz: ${reason}`);
  }
  const kept = ['eu-alerts-4-7.jsonl.gz', 'eu-alerts-4-9.jsonl.gz', sourceKey(0, 100)];
  expect(await lake.sources()).toEqual(kept);
  expect(byId(await lake.alerts())).toEqual(byId(alerts(0, 100)));
});

test("a name that another one's Parquet has ends in a conflict, and its sources stay", async () => {
  const lake = await filledLake();
  const before = await lake.sources();
  await (await lake.store).put(outputName(DAY_1, '0', 0, 95), Buffer.from('PAR1'));
  const { code, stderr } = await lake.compact();
  expect([code, stderr]).toEqual([1, expect.stringContaining('[LAKE_OUTPUT_CONFLICT]')]);
  expect(await lake.sources()).toEqual(before);
});

test('a folder is compacted as a bucket is', async () => {
  const folder = await scratchFolder();
  const put = async (start: number, day: string, count: number) => {
    const path = join(folder, sourceKey(0, start));
    await writeFile(path, packed(alerts(start, start + count)));
    await utimes(path, atDay(day) / 1000, atDay(day) / 1000);
  };
  await put(0, DAY_1, 5);
  await put(5, DAY_1, 5);
  await put(10, NEWEST, 1);
  const { code, stdout } = await shrike('lake', 'compact', '--from', folder);
  expect([code, stdout.split('\n')[0]]).toEqual([
    0,
    expect.stringContaining(`${outputName(DAY_1, '0', 0, 5)}  2 objects, 10 rows, `),
  ]);
  expect((await readdir(folder)).toSorted()).toEqual(['compacted', sourceKey(0, 10)]);
  const rows = await parquetRows(await readFile(join(folder, outputName(DAY_1, '0', 0, 5))));
  expect(rows.map(alertOfRow)).toEqual(alerts(0, 10));
});

test('a place or an age that is none is refused before anything is asked of the store', async () => {
  const missing = join(await scratchFolder(), 'none');
  for (const flags of [
    ['--from', missing],
    ['--from', 's3://'],
    ['--from', 's3://bucket/a/../b'],
    ['--from', '.', '--older-than', '30m'],
    ['--from', '.', '--older-than', '0h'],
  ]) {
    expect(await shrike('lake', 'compact', ...flags)).toMatchObject({ code: 2, stdout: '' });
  }
});
