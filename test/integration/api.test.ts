import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Api, type ApiOptions, openApi } from '../../src/api/server.ts';
import { ShrikeError } from '../../src/core/errors.ts';
import type { AlertRecord } from '../../src/core/status.ts';
import { type Call, callUrl, jsonUrl } from '../support/http-client.ts';
import { drillSummaries, ScriptedView, START_MS } from '../support/scripted-view.ts';

const TOKEN = 'the-token-of-this-test';
const authorization = `Bearer ${TOKEN}`;

let view: ScriptedView;
let api: Api;
let uiDir: string;
let health = { live: true, ready: true, problems: [] as string[] };
const errors: unknown[] = [];

const options = (over: Partial<ApiOptions> = {}): ApiOptions => ({
  view,
  health: () => health,
  host: '127.0.0.1',
  port: 0,
  token: TOKEN,
  uiDir,
  onError: (error) => errors.push(error),
  ...over,
});

beforeEach(async () => {
  uiDir = mkdtempSync(join(tmpdir(), 'shrike-ui-'));
  writeFileSync(join(uiDir, 'index.html'), '<!doctype html><title>Shrike</title>');
  view = new ScriptedView();
  health = { live: true, ready: true, problems: [] };
  errors.length = 0;
  api = await openApi(options());
});

afterEach(async () => {
  await api.close();
  rmSync(uiDir, { recursive: true });
});

const call = (path: string, how?: Call) => callUrl(api.address + path, how);
const json = (path: string, how?: Call) => jsonUrl(api.address + path, how);

const alert = (offset: number): AlertRecord => ({
  partition: 0,
  offset,
  timestampMs: START_MS,
  value: { idx: offset, user: 12, score: 0.93 },
});

const post = (body: string | Buffer, type: string): Call => ({
  method: 'POST',
  headers: { authorization, 'content-type': type },
  body,
});

test('the root is the page', async () => {
  const answer = await call('/');
  expect(answer.status).toBe(200);
  expect(answer.body).toBe('<!doctype html><title>Shrike</title>');
});

test('the status comes as JSON, with quantiles in the place of histograms', async () => {
  const [status, body] = await json('/api/status');
  expect(status).toBe(200);
  expect(body).toMatchObject({ application: 'shrike', paymentsPerSecond: 4987.5 });
  expect(body).toHaveProperty('partitions.1.committedOffset', 1480);
  expect(body).toHaveProperty('workers', [
    {
      worker: 0,
      atMs: START_MS,
      heapBytes: 61_000_000,
      eventLoopDelayMsP99: 11,
      errors: { COMMIT_FENCED: 1 },
      partitions: [0, 1],
      latencyMsP99: expect.closeTo(2.2387, 4),
      commitMsP99: null,
      pauseMsP99: null,
    },
  ]);
});

test('the newest alerts come first, as many as were asked for', async () => {
  for (const offset of [1, 2, 3]) view.pushAlert(alert(offset));
  const [, body] = await json('/api/alerts?count=2');
  expect(body).toEqual([alert(3), alert(2)]);
});

test('topics come with their offsets', async () => {
  const [, body] = await json('/api/topics');
  expect(body).toHaveProperty('0.topic', 'transactions');
  expect(body).toHaveProperty('0.offsets.1', { earliest: 0, highWatermark: 1510 });
});

test('metrics keep the content type that the registry gives', async () => {
  const answer = await call('/metrics');
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(answer.body).toBe('shrike_up 1\n');
});

test('liveness fails with the problems named, and readiness with it', async () => {
  health = { live: false, ready: true, problems: ['partition 3 is stuck in commit'] };
  expect(await json('/healthz')).toEqual([503, health]);
  expect((await call('/readyz')).status).toBe(503);
});

test('an engine that still restores is live but not ready', async () => {
  health = { live: true, ready: false, problems: [] };
  expect((await call('/healthz')).status).toBe(200);
  expect(await json('/readyz')).toEqual([503, health]);
});

test.each([
  ['localhost:1', 200],
  ['127.0.0.1', 200],
  ['[::1]:8477', 200],
  ['attacker.example', 403],
  ['127.0.0.1.attacker.example', 403],
  ['10.0.0.7', 403],
  ['user@localhost', 403],
  ['localhost:1:2', 403],
])('a request to host "%s" is answered with %i', async (host, status) => {
  expect((await call('/api/status', { headers: { host } })).status).toBe(status);
});

test('a foreign host gets neither the page nor the health', async () => {
  const headers = { host: 'attacker.example' };
  expect((await call('/', { headers })).status).toBe(403);
  expect((await call('/healthz', { headers })).status).toBe(403);
});

test('bound to every address, a literal one and the given names are answered', async () => {
  const open = await openApi(options({ host: '0.0.0.0', hostNames: ['shrike.svc'] }));
  const before = api;
  api = open;
  const status = async (host: string) => (await call('/readyz', { headers: { host } })).status;
  const seen = [await status('10.0.0.7:80'), await status('shrike.svc'), await status('a.b')];
  api = before;
  await open.close();
  expect(open.address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(seen).toEqual([200, 200, 403]);
});

test.each([
  ['no header', undefined],
  ['another token', 'Bearer the-token-of-that-test'],
  ['another scheme', `Basic ${TOKEN}`],
  ['a prefix of the token', 'Bearer the-token'],
])('%s does not open what is guarded', async (_name, given) => {
  const headers: Record<string, string> = given === undefined ? {} : { authorization: given };
  const requests: [string, Call][] = [
    ['/api/state/12', { headers }],
    ['/api/checkpoints', { method: 'POST', headers }],
    ['/api/topics/transactions/records', { method: 'POST', headers }],
    ['/api/topics/transactions/partitions/0/records?from=0', { headers }],
  ];
  for (const [path, how] of requests) {
    const answer = await call(path, how);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(JSON.parse(answer.body)).toHaveProperty('code', 'API_TOKEN_WRONG');
  }
  expect(view.savepoints).toEqual([]);
});

test.each(['/', '/api/status', '/api/nothing', '/api/checkpoints'])(
  '%s carries the security headers',
  async (path) => {
    const { headers } = await call(path);
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
  },
);

test("a user's state is given, and an unknown user is not found", async () => {
  view.actors.set(12, { user: 12, partition: 0, nextOffset: 480, state: { velocity: [1] } });
  const headers = { authorization };
  expect(await json('/api/state/12', { headers })).toEqual([
    200,
    { user: 12, partition: 0, nextOffset: 480, state: { velocity: [1] } },
  ]);
  expect(await json('/api/state/13', { headers })).toEqual([
    404,
    {
      code: 'API_NOT_FOUND',
      message: 'nothing is known of user 13',
      hint: 'docs/api.md lists the paths.',
    },
  ]);
});

test('a savepoint is taken under the given name', async () => {
  const answer = await json(
    '/api/checkpoints',
    post('{"name":"before-upgrade"}', 'application/json'),
  );
  expect(answer).toEqual([
    201,
    { name: 'before-upgrade', partitions: [{ partition: 0, sequence: 13, nextOffset: 480 }] },
  ]);
  expect(view.savepoints).toEqual(['before-upgrade']);
});

test("a partition's digest is told where it is, and a partition that is elsewhere is not found", async () => {
  const digest = { nextOffset: 480, digest: '0123456789abcdef0123456789abcdef', actorCount: 7 };
  view.digests.set(1, digest);
  const ask = { method: 'POST', headers: { authorization } };
  expect(await json('/api/partitions/1/digest', ask)).toEqual([200, digest]);
  const elsewhere = await json('/api/partitions/2/digest', ask);
  expect(elsewhere).toMatchObject([404, { code: 'API_NOT_FOUND' }]);
  const nobody = await json('/api/partitions/1/digest', { method: 'POST' });
  expect(nobody).toMatchObject([401, { code: 'API_TOKEN_WRONG' }]);
});

test('the newest drills are told with their whole reports', async () => {
  view.drillSummaries = [...drillSummaries];
  expect(await json('/api/drills', { headers: { authorization } })).toMatchObject([
    200,
    [
      { newest: { kind: 'restore', verdict: 'different' }, lastPassedAtMs: 1_709_560_800_000 },
      { newest: { kind: 'failover', verdict: 'recovered' }, lastPassedAtMs: 1_709_647_200_000 },
    ],
  ]);
});

test('records are produced as they stand, objects as JSON', async () => {
  const body = [
    '{"key":"12","partition":0,"value":{"amount":1.5,"zip":"00501"}}',
    '',
    '{"key":"13","partition":1,"value":"{ \\"amount\\": 1.50 }"}',
  ].join('\n');
  const answer = await json('/api/topics/transactions/records', post(body, 'application/x-ndjson'));
  expect(answer).toEqual([201, { produced: 2 }]);
  expect(view.produced).toEqual([
    { topic: 'transactions', key: '12', partition: 0, value: '{"amount":1.5,"zip":"00501"}' },
    { topic: 'transactions', key: '13', partition: 1, value: '{ "amount": 1.50 }' },
  ]);
});

test('records that are no text, have no key or delete one are produced as they were', async () => {
  const body = [
    '{"key":null,"partition":0,"value_base64":"/wA="}',
    '{"key":"12","partition":1,"value_base64":null}',
    '{"key":"","partition":1,"value_base64":""}',
  ].join('\n');
  const answer = await json('/api/topics/transactions/records', post(body, 'application/x-ndjson'));
  expect(answer).toEqual([201, { produced: 3 }]);
  expect(view.produced).toEqual([
    { topic: 'transactions', key: null, partition: 0, value: Buffer.from([0xff, 0]) },
    { topic: 'transactions', key: '12', partition: 1, value: null },
    { topic: 'transactions', key: '', partition: 1, value: Buffer.alloc(0) },
  ]);
});

test('a page of records tells its bytes in base64, and where the next page begins', async () => {
  const record = { offset: 7, timestampMs: START_MS, key: '12', value: Buffer.from('{"a":1}') };
  const tombstone = { offset: 9, timestampMs: START_MS + 1, key: null, value: null };
  view.page = { earliest: 3, highWatermark: 12, nextOffset: 10, records: [record, tombstone] };
  const path = '/api/topics/cards/partitions/1/records?from=7&count=2';
  expect(await json(path, { headers: { authorization } })).toEqual([
    200,
    {
      earliest: 3,
      highWatermark: 12,
      nextOffset: 10,
      records: [
        { offset: 7, timestampMs: START_MS, key: '12', value_base64: 'eyJhIjoxfQ==' },
        { offset: 9, timestampMs: START_MS + 1, key: null, value_base64: null },
      ],
    },
  ]);
  expect(view.recordsAsked).toEqual([{ topic: 'cards', partition: 1, from: 7, count: 2 }]);
});

test('an offset that the log no longer holds is told apart from a mistake', async () => {
  view.failure = new ShrikeError('LOG_OFFSET_OUT_OF_RANGE', 'cards-1 has no offset 2');
  const path = '/api/topics/cards/partitions/1/records?from=2';
  const answer = await json(path, { headers: { authorization } });
  expect(answer).toEqual([416, expect.objectContaining({ code: 'LOG_OFFSET_OUT_OF_RANGE' })]);
  expect(errors).toEqual([]);
});

test.each([
  [
    '{"key":"1","partition":0,"value":{}}\n{"key":',
    'line 2 is not JSON: Unexpected end of JSON input',
  ],
  ['[1]', 'line 1 is not a JSON object'],
  ['{"key":1,"partition":0,"value":{}}', 'line 1: "key" is a string or null'],
  [
    '{"key":"1","partition":0,"value":{},"value_base64":""}',
    'line 1: a record has "value" or "value_base64", not both',
  ],
  [
    '{"key":"1","partition":0,"value_base64":"no base64"}',
    'line 1: "value_base64" is the value\'s bytes in base64, or null',
  ],
  ['{"key":"1","partition":1.5,"value":{}}', 'line 1: "partition" is an integer from 0 to 1023'],
  ['{"key":"1","partition":0}', 'line 1: "value" is an object, or a string with the value\'s text'],
  ['{"key":"1","partition":0,"value":{},"x":1}', 'line 1: unknown field "x"'],
  ['\n\n', 'the body holds no record'],
])('the body %j is refused, and nothing is produced', async (body, message) => {
  const answer = await json('/api/topics/transactions/records', post(body, 'application/x-ndjson'));
  expect(answer).toEqual([400, expect.objectContaining({ code: 'API_REQUEST_INVALID', message })]);
  expect(view.produced).toEqual([]);
});

test('a body that is not UTF-8 is refused', async () => {
  const answer = await json(
    '/api/topics/transactions/records',
    post(Buffer.from([0x7b, 0xff]), 'application/x-ndjson'),
  );
  expect(answer).toHaveProperty('1.message', expect.stringContaining('the body is not UTF-8'));
});

test.each<[string, Call, number, string]>([
  ['/api/nothing', {}, 404, 'API_NOT_FOUND'],
  ['/api/alerts?count=0', {}, 400, 'API_REQUEST_INVALID'],
  ['/api/alerts?count=1001', {}, 400, 'API_REQUEST_INVALID'],
  ['/api/alerts?cuont=5', {}, 400, 'API_REQUEST_INVALID'],
  ['/%c0', {}, 400, 'API_REQUEST_INVALID'],
  ['/..%2f..%2fetc/passwd', {}, 403, 'API_REQUEST_INVALID'],
  ['/api/state/-1', { headers: { authorization } }, 400, 'API_REQUEST_INVALID'],
  ['/api/state/me', { headers: { authorization } }, 400, 'API_REQUEST_INVALID'],
  ...['/records', '/records?from=-1', '/records?from=0&count=1001', '/records?from=0&x=1'].map(
    (end): [string, Call, number, string] => [
      `/api/topics/transactions/partitions/0${end}`,
      { headers: { authorization } },
      400,
      'API_REQUEST_INVALID',
    ],
  ),
  ['/api/checkpoints', post('{"name":"../x"}', 'application/json'), 400, 'API_REQUEST_INVALID'],
  ['/api/checkpoints', post('{"name":', 'application/json'), 400, 'API_REQUEST_INVALID'],
  ['/api/checkpoints', post('name=x', 'text/csv'), 415, 'API_REQUEST_INVALID'],
  [
    '/api/topics/elsewhere/records',
    post('{"key":"1","partition":0,"value":{}}', 'application/x-ndjson'),
    404,
    'LOG_TOPIC_UNKNOWN',
  ],
  [
    '/api/checkpoints',
    post(`{"name":"${'x'.repeat(70_000)}"}`, 'application/json'),
    413,
    'API_REQUEST_INVALID',
  ],
])('%s %j is answered with %i %s', async (path, how, status, code) => {
  const answer = await json(path, how);
  expect(answer).toEqual([status, { code, message: expect.any(String), hint: expect.any(String) }]);
  expect(errors).toEqual([]);
});

test("an error of the engine keeps its code, and the engine's log hears of it", async () => {
  view.failure = new ShrikeError('CHECKPOINT_UPLOAD_FAILED', 'partition 0: put refused', {
    cause: new Error('no space'),
  });
  const answer = await json('/api/checkpoints', post('{"name":"x"}', 'application/json'));
  expect(answer).toEqual([
    503,
    {
      code: 'CHECKPOINT_UPLOAD_FAILED',
      message: 'partition 0: put refused: no space',
      hint: 'Check the bucket or folder and its free space; processing goes on.',
    },
  ]);
  expect(errors).toEqual([view.failure]);
});

test('a taken port has its own code, and an impossible address another', async () => {
  const port = Number(new URL(api.address).port);
  await expect(openApi(options({ port }))).rejects.toMatchObject({ code: 'API_PORT_TAKEN' });
  await expect(openApi(options({ host: '192.0.2.1' }))).rejects.toMatchObject({
    code: 'API_ADDRESS_UNUSABLE',
  });
  expect(view.listenerCount).toBe(2);
});
