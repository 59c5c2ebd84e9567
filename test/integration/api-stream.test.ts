import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Api, type ApiOptions, openApi } from '../../src/api/server.ts';
import type { AlertRecord } from '../../src/core/status.ts';
import { callUrl, jsonUrl, Listener } from '../support/http-client.ts';
import { engineStatus, ScriptedView, START_MS } from '../support/scripted-view.ts';

let view: ScriptedView;
let api: Api;

const open = (limits: ApiOptions['limits'] = {}): Promise<Api> => {
  const health = () => ({ live: true, ready: true, problems: [] });
  const options = { view, health, host: '127.0.0.1', port: 0, token: 'a-token', uiDir: tmpdir() };
  return openApi({ ...options, limits });
};

beforeEach(async () => {
  view = new ScriptedView();
  api = await open();
});

afterEach(() => api.close());

const alert = (offset: number): AlertRecord => ({
  partition: 0,
  offset,
  timestampMs: START_MS,
  value: { idx: offset, user: 12, score: 0.93 },
});

function statusOfStream(): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${api.address}/api/stream`, { agent: false }, (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}

test('A4: the stream begins with the history and the present, then tells all, in order', async () => {
  view.pushStatus(engineStatus({ atMs: START_MS + 1000, paymentsPerSecond: 10 }));
  view.pushStatus(engineStatus({ atMs: START_MS + 2000, paymentsPerSecond: 20 }));
  const listener = await Listener.open(api.address);
  view.pushAlert(alert(7));
  view.pushStatus(engineStatus({ atMs: START_MS + 3000 }));
  view.pushAlert(alert(8));
  const events = await listener.take(5);
  expect(events.map(({ event }) => event)).toEqual([
    'history',
    'status',
    'alert',
    'status',
    'alert',
  ]);
  expect(events[0]?.payload).toEqual([
    { atMs: START_MS + 1000, paymentsPerSecond: 10, p50: 3.2, p99: 14.1 },
    { atMs: START_MS + 2000, paymentsPerSecond: 20, p50: 3.2, p99: 14.1 },
  ]);
  expect(events[1]?.payload).toHaveProperty('atMs', START_MS + 2000);
  expect(events[4]?.payload).toEqual(alert(8));
});

test('the history holds five minutes and no second twice', async () => {
  for (let second = 1; second <= 400; second++) {
    view.pushStatus(engineStatus({ atMs: START_MS + 1000 * second }));
    view.pushStatus(engineStatus({ atMs: START_MS + 1000 * second }));
  }
  const [history] = await (await Listener.open(api.address)).take(1);
  expect(history?.payload).toHaveLength(300);
  expect(history?.payload).toHaveProperty('0.atMs', START_MS + 101_000);
  expect(history?.payload).toHaveProperty('299.atMs', START_MS + 400_000);
});

test('a quiet stream beats', async () => {
  await api.close();
  api = await open({ heartbeatMs: 5 });
  const listener = await Listener.open(api.address);
  await listener.until(() => listener.comments.length >= 2);
  expect(listener.comments.slice(0, 2)).toEqual(['heartbeat', 'heartbeat']);
});

test('A5: a listener that does not read is dropped, and the others go on', async () => {
  await api.close();
  api = await open({ bufferedBytesMax: 1 << 20 });
  const { hostname, port } = new URL(api.address);
  const sleeper = connect(Number(port), hostname);
  sleeper.write('GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => sleeper.once('data', resolve));
  sleeper.pause();
  const dropped = new Promise<void>((resolve) => {
    sleeper.on('close', () => resolve());
    sleeper.on('error', () => {}); // a reset; `close` follows
  });
  const listener = await Listener.open(api.address);
  await listener.take(2);
  // 64 MiB: more than what the kernel's socket buffers and the limit hold together.
  for (let i = 0; i < 256; i++) {
    view.pushStatus(engineStatus({ atMs: START_MS + i, problems: ['x'.repeat(1 << 18)] }));
    await listener.take(1);
  }
  sleeper.resume();
  await dropped;
  view.pushAlert(alert(9));
  expect(await listener.take(1)).toEqual([{ event: 'alert', payload: alert(9) }]);
});

test('more listeners than there is room for are told so', async () => {
  await api.close();
  api = await open({ listenersMax: 1 });
  await (await Listener.open(api.address)).take(2);
  expect(await jsonUrl(`${api.address}/api/stream`)).toEqual([
    503,
    expect.objectContaining({ code: 'API_BUSY' }),
  ]);
});

test('a listener that goes makes room', async () => {
  await api.close();
  api = await open({ listenersMax: 1 });
  const first = request(`${api.address}/api/stream`, { agent: false });
  await new Promise((resolve) => first.once('response', resolve).end());
  first.on('error', () => {}); // its own abort
  first.destroy();
  let status = 503;
  while (status === 503) status = await statusOfStream();
  expect(status).toBe(200);
});

test('shutdown ends open streams at once and lets go of the engine', async () => {
  const listener = await Listener.open(api.address);
  await listener.take(2);
  await api.close();
  await listener.until(() => listener.ended);
  expect(view.listenerCount).toBe(0);
  await expect(callUrl(`${api.address}/healthz`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
