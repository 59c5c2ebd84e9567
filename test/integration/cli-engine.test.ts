/** The command line beside a running engine, through its API; needs `npx tsc -b`. */
import { mkdtemp, rm } from 'node:fs/promises';
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

interface DeadLetter {
  readonly offset: number;
  readonly key: string | null;
  readonly value_base64: string;
}

const letters = async (partition: number) =>
  (await shrikeLines(
    ...['dlq', 'list', '--partition', String(partition), '--data', data],
  )) as DeadLetter[];

async function produce(record: object): Promise<void> {
  const produced = await callUrl(`${engine.address}/api/topics/transactions/records`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${engine.token}`,
      'content-type': 'application/x-ndjson',
    },
    body: JSON.stringify(record),
  });
  expect(produced.status).toBe(201);
}

test('a bad record is seen in the dead-letter queue and sent again as it was', async () => {
  await produce({ key: '12', partition: 4, value: '{"not": JSON é}' });
  await until(async () => (await letters(4)).length === 1);
  const [letter] = (await letters(4)) as [DeadLetter];
  expect(letter).toMatchObject({ topic: 'transactions', partition: 4, code: 'RECORD_NOT_JSON' });
  expect(Buffer.from(letter.value_base64, 'base64').toString()).toBe('{"not": JSON é}');

  const redrive = ['dlq', 'redrive', '--partition', '4', '--offset', String(letter.offset)];
  const none = await shrikeJson(...redrive, '--code', 'RECORD_KEY_MISMATCH', '--data', data);
  expect(none).toEqual({ records: 0, dryRun: false });
  const dry = await shrikeJson(...redrive, '--dry-run', '--data', data);
  expect(dry).toEqual({ records: 1, dryRun: true });
  const sent = await shrikeJson(...redrive, '--data', data);
  expect(sent).toEqual({ records: 1, dryRun: false });
  await until(async () => (await letters(4)).length === 2);
  const [, again] = await letters(4);
  expect(again).toMatchObject({ partition: 4, value_base64: letter.value_base64 });
  expect(again?.offset).toBeGreaterThan(letter.offset);
});

test('a record that is no text and has no key is sent again beside the engine, too', async () => {
  await produce({ key: null, partition: 5, value_base64: '/wCAew==' });
  await until(async () => (await letters(5)).length === 1);
  const redrive = ['dlq', 'redrive', '--partition', '5', '--data', data];
  expect(await shrikeJson(...redrive)).toEqual({ records: 1, dryRun: false });
  await until(async () => (await letters(5)).length === 2);
  const [first, again] = await letters(5);
  expect(first).toMatchObject({ key: null, value_base64: '/wCAew==' });
  expect(again).toMatchObject({ key: null, value_base64: '/wCAew==' });
  expect(again?.offset).toBeGreaterThan(first?.offset ?? 0);
});

test('simulate beside an engine goes on behind the last payment in its log', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shrike-cli-simulate-'));
  const quiet = await startEngine(folder);
  const simulate = ['simulate', '--population', '50', '--rate', 'max', '--payments', '40'];
  for (let time = 0; time < 2; time++) {
    expect(await shrikeJson(...simulate, '--data', folder)).toEqual({ payments: 40 });
  }
  const idx: number[] = [];
  for (let partition = 0; partition < 8; partition++) {
    const path = `/api/topics/transactions/partitions/${partition}/records?from=0&count=1000`;
    const headers = { authorization: `Bearer ${quiet.token}` };
    const { body } = await callUrl(`${quiet.address}${path}`, { headers });
    for (const { value_base64 } of (JSON.parse(body) as { records: DeadLetter[] }).records) {
      const payment = JSON.parse(Buffer.from(value_base64, 'base64').toString()) as { idx: number };
      idx.push(payment.idx);
    }
  }
  expect(idx.sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, i) => i));
  expect((await quiet.command.interrupt()).code).toBe(0);
  await rm(folder, { recursive: true });
});

test('a second engine is refused, naming the first', async () => {
  const { code, stderr } = await shrike('run', '--port', '0', '--data', data);
  expect(code).toBe(1);
  expect(stderr).toContain(`${data} is in use by the process ${engine.pid}`);
  expect(stderr).toContain('[DATA_DIR_LOCKED]');
});
