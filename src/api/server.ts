/**
 * The page and the API of a running engine, over HTTP.
 *
 * A1  A request whose Host header does not name this machine is answered with 403 (DNS rebinding).
 * A2  What changes something, or tells what is known of a person, needs the token.
 * A3  The API only asks the engine's view: it holds no state that a restart would lose, but for the
 *     last minutes of the charts.
 */
import { resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { assert } from '../core/assert.ts';
import { ShrikeError } from '../core/errors.ts';
import type { EngineView } from '../core/status.ts';
import { Audience, type AudienceLimits, encodeEvent } from './audience.ts';
import { History } from './history.ts';
import { problemOf, statusOf } from './problem.ts';
import { addGuardedRoutes, addReadRoutes, type Health, type RouteDeps } from './routes.ts';
import { hostCheck, isWildcard, SECURITY_HEADERS, tokenCheck } from './security.ts';
import { pointOf, summarise } from './summary.ts';

export interface ApiOptions {
  readonly view: EngineView;
  readonly health: () => Health;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** What tools on this machine send as `authorization: Bearer …`. */
  readonly token: string;
  /** The built page: index.html, app.js, app.css, icon.svg. */
  readonly uiDir: string;
  /** Names by which others reach this machine, besides `host`: a service in a cluster. */
  readonly hostNames?: readonly string[];
  /** Told of each failure that is the engine's, not the caller's. */
  readonly onError?: (error: unknown) => void;
  readonly limits?: Partial<AudienceLimits>;
}

export interface Api {
  /** `http://127.0.0.1:8477`: what a person opens. */
  readonly address: string;
  /** Ends open streams at once, lets nothing new in. */
  close(): Promise<void>;
}

const HISTORY_MS = 300_000;

/** 16 listeners with 4 MiB each: 64 MiB. A status of 1,024 partitions has about 0.9 MB. */
const LIMITS: AudienceLimits = {
  listenersMax: 16,
  bufferedBytesMax: 4 << 20,
  heartbeatMs: 15_000,
};

/** @throws API_PORT_TAKEN, API_ADDRESS_UNUSABLE */
export async function openApi(options: ApiOptions): Promise<Api> {
  assert(options.token.length > 0, 'the API has a token');
  const { view } = options;
  const app = createApp(options);
  const audience = new Audience({ ...LIMITS, ...options.limits });
  const history = new History(HISTORY_MS, HISTORY_MS / 1000);
  const stops = [
    view.onStatus((status) => {
      // Working off a backlog is no traffic: its peak would flatten five minutes of charts.
      if (status.ready) history.add(pointOf(status));
      audience.send('status', summarise(status));
    }),
    view.onAlert((alert) => audience.send('alert', alert)),
  ];
  const close = async () => {
    for (const stop of stops) stop();
    audience.close();
    await app.close();
  };
  addStream(app, { view, audience, history });
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (cause) {
    await close();
    throw listenError(options, cause);
  }
  return { address: addressOf(app, options.host), close };
}

function createApp(options: ApiOptions): FastifyInstance {
  const fail = (error: unknown, reply: FastifyReply) => {
    const status = statusOf(error);
    if (status >= 500) options.onError?.(error);
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.code(status).headers(SECURITY_HEADERS).send(problemOf(error));
  };
  const app = fastify({
    // An open stream would hold up the shutdown for ever.
    forceCloseConnections: true,
    requestTimeout: 30_000,
    bodyLimit: 64 << 10,
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, _request, reply) => void fail(error, reply),
  });
  const checkHost = hostCheck(options.host, options.hostNames ?? []);
  app.addHook('onRequest', async ({ headers, url }, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (url.startsWith('/api/')) reply.header('cache-control', 'no-store');
    checkHost(headers.host);
  });
  app.setErrorHandler((error, _request, reply) => fail(error, reply));
  app.setNotFoundHandler(({ method, url }, reply) => {
    const message = `there is no ${method} ${url.split('?')[0]}`;
    return fail(new ShrikeError('API_NOT_FOUND', message), reply);
  });
  const { view, health } = options;
  const deps: RouteDeps = { view, health, checkToken: tokenCheck(options.token) };
  app.register(fastifyStatic, { root: resolve(options.uiDir), cacheControl: false });
  addReadRoutes(app, deps);
  app.register(async (guarded) => addGuardedRoutes(guarded, deps));
  return app;
}

interface StreamDeps {
  readonly view: EngineView;
  readonly audience: Audience;
  readonly history: History;
}

/** On connect: `history`, then the present `status`; from then on each `status` and `alert`. */
function addStream(app: FastifyInstance, { view, audience, history }: StreamDeps): void {
  app.get('/api/stream', { exposeHeadRoute: false }, (_request, reply) => {
    audience.reserve();
    const welcome = [
      Buffer.from('retry: 1000\n\n'),
      encodeEvent('history', history.points()),
      encodeEvent('status', summarise(view.status())),
    ];
    reply.hijack();
    reply.raw.writeHead(200, {
      ...SECURITY_HEADERS,
      'cache-control': 'no-store',
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no', // nginx would hold events back
    });
    audience.admit(reply.raw, welcome);
  });
}

function addressOf(app: FastifyInstance, host: string): string {
  const bound = app.server.address();
  assert(bound !== null && typeof bound === 'object', 'the server listens on a port');
  const name = isWildcard(host) ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${bound.port}`;
}

function listenError({ host, port }: ApiOptions, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') {
    return new ShrikeError('API_PORT_TAKEN', `port ${port} of ${host} is in use`, { cause });
  }
  if (typeof code === 'string') {
    const message = `cannot listen on ${host}, port ${port}`;
    return new ShrikeError('API_ADDRESS_UNUSABLE', message, { cause });
  }
  return cause;
}
