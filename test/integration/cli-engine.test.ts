/** The command line beside a running engine, through its API; needs `npx tsc -b`. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  Command,
  type RunningEngine,
  shrike,
  shrikeJson,
  shrikeLines,
  startEngine,
  until,
} from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';

let data: string;
let engine: RunningEngine;

interface Alert {
  readonly id: string;
  readonly user: number;
  readonly card: number;
}

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'shrike-cli-engine-'));
  const source = ['--source', 'simulate', '--population', '500', '--fraud-rate', '0.03'];
  engine = await startEngine(data, ...source, '--rate', '200', '--json');
});
afterAll(async () => {
  const { code } = await engine.command.interrupt();
  await rm(data, { recursive: true, force: true });
  expect(code).toBe(0);
});

const alerts = async (count: number) =>
  (await shrikeLines('alerts', '--count', String(count), '--data', data)) as Alert[];

test('topics and lag show what the engine works on', async () => {
  const topics = (await shrikeJson('topics', '--data', data)) as { topic: string }[];
  expect(topics.map(({ topic }) => topic)).toContain('fraud_alerts');
  await until(async () => {
    const lag = (await shrikeJson('lag', '--data', data)) as { committed: number }[];
    return lag.length === 8 && lag.every(({ committed }) => committed > 0);
  });
});

test('alerts --follow prints each alert once, as it is committed, until Ctrl-C', async () => {
  await until(async () => (await alerts(1)).length === 1);
  const follower = new Command(['alerts', '--follow', '--count', '5', '--json', '--data', data]);
  await until(() => follower.lines.length >= 8);
  const { code, stdout, stderr } = await follower.interrupt();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const followed = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Alert).id);
  expect(new Set(followed).size).toBe(followed.length);
  const known = (await alerts(1000)).map(({ id }) => id);
  expect(known).toEqual(expect.arrayContaining(followed));
});

test('state get shows the user of an alert, and the card', async () => {
  await until(async () => (await alerts(1)).length === 1);
  const [alert] = (await alerts(1)) as [Alert];
  const { user, card } = alert;
  const args = ['state', 'get', '--user', String(user), '--card', String(card), '--data', data];
  const state = (await shrikeJson(...args)) as { user: number; partition: number };
  expect(state).toMatchObject({ user, partition: user % 8 });
  expect(state).toHaveProperty(['state', 'cards', String(card), 'states', 'card_velocity']);
  const unknown = await shrike('state', 'get', '--user', '4711', '--data', data);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('[ACTOR_UNKNOWN]');
});

test('a savepoint is created, listed by name and found whole', async () => {
  const created = (await shrikeJson('checkpoint', 'create', '--name', 'one', '--data', data)) as {
    readonly partitions: readonly { readonly partition: number; readonly sequence: number }[];
  };
  expect(created.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  const listed = (await shrikeJson('checkpoint', 'list', '--data', data)) as {
    readonly partition: number;
    readonly sequence: number;
    readonly savepoint: string | null;
  }[];
  const named = listed.filter(({ savepoint }) => savepoint === 'one');
  expect(named.map(({ partition, sequence }) => [partition, sequence])).toEqual(
    created.partitions.map(({ partition, sequence }) => [partition, sequence]),
  );
  expect((await shrike('checkpoint', 'verify', '--data', data)).code).toBe(0);
});

test('restore --dry-run tells of a running engine, too', async () => {
  const outlooks = (await shrikeJson('restore', '--dry-run', '--data', data)) as object[];
  expect(outlooks).toMatchObject(Array.from({ length: 8 }, () => ({ source: 'local' })));
});

test('a bad record is seen in the dead-letter queue and sent again as it was', async () => {
  const produced = await callUrl(`${engine.address}/api/topics/transactions/records`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${engine.token}`,
      'content-type': 'application/x-ndjson',
    },
    body: JSON.stringify({ key: '12', partition: 4, value: '{"not": JSON é}' }),
  });
  expect(produced.status).toBe(201);
  const letters = async () =>
    (await shrikeLines('dlq', 'list', '--data', data)) as {
      readonly offset: number;
      readonly value_base64: string;
    }[];
  await until(async () => (await letters()).length === 1);
  const [letter] = (await letters()) as [Awaited<ReturnType<typeof letters>>[number]];
  expect(letter).toMatchObject({ topic: 'transactions', partition: 4, code: 'RECORD_NOT_JSON' });
  expect(Buffer.from(letter.value_base64, 'base64').toString()).toBe('{"not": JSON é}');

  const redrive = ['dlq', 'redrive', '--partition', '4', '--offset', String(letter.offset)];
  const none = await shrikeJson(...redrive, '--code', 'RECORD_KEY_MISMATCH', '--data', data);
  expect(none).toEqual({ records: 0, dryRun: false });
  const dry = await shrikeJson(...redrive, '--dry-run', '--data', data);
  expect(dry).toEqual({ records: 1, dryRun: true });
  const sent = await shrikeJson(...redrive, '--data', data);
  expect(sent).toEqual({ records: 1, dryRun: false });
  await until(async () => (await letters()).length === 2);
  const [, again] = await letters();
  expect(again).toMatchObject({ partition: 4, value_base64: letter.value_base64 });
  expect(again?.offset).toBeGreaterThan(letter.offset);
  expect((await readdir(data)).filter((name) => name.startsWith('image-'))).toEqual([]);
});

test('a second engine is refused, naming the first', async () => {
  const { code, stderr } = await shrike('run', '--port', '0', '--data', data);
  expect(code).toBe(1);
  expect(stderr).toContain(`${data} is in use by the process ${engine.pid}`);
  expect(stderr).toContain('[DATA_DIR_LOCKED]');
});
