/** The endpoints: each asks the engine's view and answers with what it says. */
import type { FastifyInstance } from 'fastify';
import { ShrikeError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { EngineView, PageRecord, ProducedRecord } from '../core/status.ts';
import { type Static, Type } from '../core/typebox.ts';
import { parseRecords } from './produced-records.ts';
import { summarise } from './summary.ts';

export interface Health {
  readonly live: boolean;
  readonly ready: boolean;
  readonly problems: readonly string[];
}

export interface RouteDeps {
  readonly view: EngineView;
  readonly health: () => Health;
  /** @throws API_TOKEN_WRONG */
  readonly checkToken: (authorization?: string) => void;
}

/** A thousand alerts are about 1.5 MB; whoever wants more reads the topic. */
const ALERTS_MAX = 1000;
/** Of one page; the engine bounds its bytes. */
const RECORDS_MAX = 1000;
/** 8 MiB: 30,000 payments of 262 bytes in one request, or one largest record and to spare. */
const PRODUCE_BYTES_MAX = 8 << 20;

const closed = { additionalProperties: false };
const AlertsQuery = Type.Object(
  { count: Type.Integer({ minimum: 1, maximum: ALERTS_MAX, default: 50 }) },
  closed,
);
const NoQuery = Type.Object({}, closed);
const UserParams = Type.Object({
  user: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
});
const topic = Type.String({ pattern: '^[a-zA-Z0-9._-]{1,249}$' });
const TopicParams = Type.Object({ topic });
const partition = Type.Integer({ minimum: 0, maximum: LIMITS.partitionsMax - 1 });
const PartitionParams = Type.Object({ topic, partition });
const DigestParams = Type.Object({ partition });
const RecordsQuery = Type.Object(
  {
    from: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    count: Type.Integer({ minimum: 1, maximum: RECORDS_MAX, default: 100 }),
  },
  closed,
);
const Savepoint = Type.Object(
  { name: Type.String({ pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$' }) },
  closed,
);

export function addReadRoutes(app: FastifyInstance, { view, health }: RouteDeps): void {
  const schema = { querystring: NoQuery };
  app.get('/healthz', (_request, reply) => {
    const now = health();
    return reply.code(now.live ? 200 : 503).send(now);
  });
  app.get('/readyz', (_request, reply) => {
    const now = health();
    return reply.code(now.live && now.ready ? 200 : 503).send(now);
  });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await view.metrics();
    return reply.type(contentType).send(body);
  });
  app.get('/api/status', { schema }, () => summarise(view.status()));
  app.get('/api/topics', { schema }, () => view.topics());
  app.get<{ Querystring: Static<typeof AlertsQuery> }>(
    '/api/alerts',
    { schema: { querystring: AlertsQuery } },
    ({ query }) => view.recentAlerts(query.count),
  );
}

/** A2: what changes something, or tells what is known of a person, needs the token. */
export function addGuardedRoutes(app: FastifyInstance, { view, checkToken }: RouteDeps): void {
  app.addHook('onRequest', async ({ headers }) => checkToken(headers.authorization));
  // Bytes, not text: the parser tells which line is wrong, and refuses what is not UTF-8.
  app.addContentTypeParser(
    ['application/x-ndjson', 'application/jsonl'],
    { parseAs: 'buffer', bodyLimit: PRODUCE_BYTES_MAX },
    async (_request: unknown, body: Buffer): Promise<readonly ProducedRecord[]> =>
      parseRecords(body),
  );
  app.get<{ Params: Static<typeof UserParams> }>(
    '/api/state/:user',
    { schema: { params: UserParams, querystring: NoQuery } },
    async ({ params }) => {
      const actor = await view.actor(params.user);
      if (actor === undefined) {
        throw new ShrikeError('API_NOT_FOUND', `nothing is known of user ${params.user}`);
      }
      return actor;
    },
  );
  app.post<{ Body: Static<typeof Savepoint> }>(
    '/api/checkpoints',
    { schema: { body: Savepoint, querystring: NoQuery } },
    async ({ body }, reply) =>
      reply.code(201).send({ name: body.name, partitions: await view.savepoint(body.name) }),
  );
  app.get('/api/drills', { schema: { querystring: NoQuery } }, () => view.drills());
  app.post<{ Params: Static<typeof DigestParams> }>(
    '/api/partitions/:partition/digest',
    { schema: { params: DigestParams, querystring: NoQuery } },
    async ({ params: { partition } }) => {
      const digest = await view.digest(partition);
      if (digest !== undefined) return digest;
      throw new ShrikeError('API_NOT_FOUND', `partition ${partition} is not on this engine`);
    },
  );
  app.get<{ Params: Static<typeof PartitionParams>; Querystring: Static<typeof RecordsQuery> }>(
    '/api/topics/:topic/partitions/:partition/records',
    { schema: { params: PartitionParams, querystring: RecordsQuery } },
    async ({ params, query }) => {
      const { records, ...page } = await view.records({ ...params, ...query });
      return { ...page, records: records.map(sentRecord) };
    },
  );
  app.post<{ Params: Static<typeof TopicParams>; Body: unknown }>(
    '/api/topics/:topic/records',
    { schema: { params: TopicParams, querystring: NoQuery }, bodyLimit: PRODUCE_BYTES_MAX },
    async ({ params, body }, reply) => {
      if (!Array.isArray(body)) {
        throw new ShrikeError('API_REQUEST_INVALID', 'records are sent as application/x-ndjson');
      }
      return reply.code(201).send({ produced: await view.produce(params.topic, body) });
    },
  );
}

function sentRecord({ offset, timestampMs, key, value }: PageRecord) {
  const bytes = value && Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { offset, timestampMs, key, value_base64: bytes?.toString('base64') ?? null };
}
