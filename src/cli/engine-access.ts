import type { Config } from '../core/config.ts';
import { codeOf } from '../core/errors.ts';
import type { Append, TopicDescription } from '../core/log.ts';
import { PackedRecords } from '../core/records.ts';
import type { ActorView, AlertRecord, StatusSnapshot } from '../core/status.ts';
import { inputTopicOf } from '../job.ts';
import type { Access, PartitionPosition } from './access-contract.ts';
import type { EngineClient } from './engine-client.ts';
import { EngineLog } from './engine-log.ts';
import type { LogReader } from './log-records.ts';

/** The API's own limits (docs/api.md): alerts of one answer, bytes of one body. */
const ALERTS_MAX = 1000;
const BODY_BYTES_MAX = 4 << 20;
const NDJSON = 'application/x-ndjson';

/** Through the API of a running engine. */
export class EngineAccess implements Access {
  readonly #client: EngineClient;
  readonly #config: Config;
  readonly #log: EngineLog;

  constructor(client: EngineClient, config: Config) {
    this.#client = client;
    this.#config = config;
    this.#log = new EngineLog(client);
  }

  topics(only?: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#log.topics(only);
  }

  async logName(): Promise<undefined> {
    // An engine has made sure that its state and its checkpoints are those of its log.
  }

  async positions(): Promise<readonly PartitionPosition[]> {
    const name = inputTopicOf(this.#config);
    const input = (await this.topics()).find(({ topic }) => topic === name);
    const partitions = await this.#status();
    return partitions.map((p) => ({
      partition: p.partition,
      committed: p.committedOffset,
      earliest: input?.offsets[p.partition]?.earliest ?? 0,
      highWatermark: p.highWatermark,
      lagRecords: p.lagRecords,
      lagSeconds: p.lagSeconds,
    }));
  }

  async localOffset(partition: number): Promise<number | undefined> {
    const found = (await this.#status()).find((one) => one.partition === partition);
    // A store that was never written stands at 0, which is where an empty state begins.
    return found?.storedOffset;
  }

  async alerts(count: number): Promise<readonly AlertRecord[]> {
    if (count === 0) return [];
    const path = `/api/alerts?count=${Math.min(count, ALERTS_MAX)}`;
    return (await this.#client.get<AlertRecord[]>(path)).reverse();
  }

  async actor(user: number): Promise<ActorView | undefined> {
    try {
      return await this.#client.get(`/api/state/${user}`);
    } catch (error) {
      if (codeOf(error) === 'API_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async reader(): Promise<LogReader> {
    return this.#log;
  }

  async ensureTopics(): Promise<void> {
    // An engine has made its topics before it answers.
  }

  async append(appends: readonly Append[]): Promise<void> {
    for (const { topic, partition, records } of appends) {
      let body = '';
      for (const line of linesOf({ partition, records })) {
        if (body.length + line.length > BODY_BYTES_MAX && body !== '') {
          await this.#produce(topic, body);
          body = '';
        }
        body += line;
      }
      await this.#produce(topic, body);
    }
  }

  async close(): Promise<void> {
    // Nothing is held: each question is a request of its own.
  }

  async #produce(topic: string, text: string): Promise<void> {
    await this.#client.post(`/api/topics/${topic}/records`, { type: NDJSON, text });
  }

  async #status(): Promise<StatusSnapshot['partitions']> {
    return (await this.#client.get<StatusSnapshot>('/api/status')).partitions;
  }
}

function* linesOf({ partition, records }: Omit<Append, 'topic'>): Generator<string> {
  const packed = PackedRecords.of(records);
  for (let i = 0; i < packed.count; i++) {
    const key = packed.key(i) ?? null;
    const value = packed.value(i)?.toString('base64') ?? null;
    yield `${JSON.stringify({ key, partition, value_base64: value })}\n`;
  }
}
