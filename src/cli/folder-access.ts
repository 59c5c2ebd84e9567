import { existsSync } from 'node:fs';
import { ActorCodec } from '../../state/actor-codec.ts';
import { describeActor } from '../../state/actor-view.ts';
import { RocksDbStores } from '../../state/rocksdb-store.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import type { Append, Log, TopicDescription, TopicSpec } from '../core/log.ts';
import type { ActorStore } from '../core/state.ts';
import type { ActorView, AlertRecord } from '../core/status.ts';
import { claimDataFolder, type DataFolder } from '../data-folder.ts';
import { ALERTS_TOPIC, createFlow, inputTopicOf } from '../job.ts';
import { openEmbeddedLog } from '../log/embedded/log.ts';
import type { Access, PartitionPosition } from './access-contract.ts';
import { type LogReader, partitionsOf, recordsOf } from './log-records.ts';

/** A command reads a few keys: no cache is worth its memory. */
const CACHE_BYTES = 8 << 20;
const WRITE_BUFFER_BYTES = 1 << 20;

/** Opens the data folder in this process. */
export class FolderAccess implements Access {
  readonly #log: Log;
  readonly #config: Config;
  readonly #folder: DataFolder;
  readonly #stores: RocksDbStores;

  private constructor(config: Config, folder: DataFolder, log: Log) {
    this.#config = config;
    this.#folder = folder;
    this.#log = log;
    this.#stores = new RocksDbStores({
      dir: folder.state,
      clock,
      cacheBytes: CACHE_BYTES,
      writeBufferBytes: WRITE_BUFFER_BYTES,
    });
  }

  /** @throws DATA_DIR_LOCKED, DATA_DIR_VERSION, DATA_DIR_UNWRITABLE, LOG_CORRUPT */
  static async open(config: Config): Promise<FolderAccess> {
    const folder = claimDataFolder(config.dataDir);
    // However the process ends (a closed pipe, a second Ctrl-C), the claim does not outlive it.
    process.once('exit', folder.release);
    const { sync, syncIntervalMs } = config.log;
    const log = await openEmbeddedLog(folder.log, { sync, syncIntervalMs, clock });
    return new FolderAccess(config, folder, log);
  }

  topics(): Promise<readonly TopicDescription[]> {
    return this.#log.topics();
  }

  async positions(): Promise<readonly PartitionPosition[]> {
    const count = await this.#partitions();
    return Promise.all(Array.from({ length: count }, (_, p) => this.#position(p)));
  }

  async localOffset(partition: number): Promise<number | undefined> {
    return this.#withStore(partition, async (store) => usable(store.meta?.nextOffset));
  }

  async alerts(count: number): Promise<readonly AlertRecord[]> {
    const newest: AlertRecord[] = [];
    const partitions = await partitionsOf(this.#log, ALERTS_TOPIC);
    for (let partition = 0; partition < partitions; partition++) {
      const of = { topic: ALERTS_TOPIC, partition };
      const { earliest, highWatermark: to } = await this.#log.offsets(of);
      const from = Math.max(earliest, to - count);
      for await (const { offset, timestampMs, value } of recordsOf(this.#log, {
        ...of,
        from,
        to,
      })) {
        if (value === undefined) continue;
        newest.push({ partition, offset, timestampMs, value: JSON.parse(value.toString()) });
      }
    }
    newest.sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition);
    return count === 0 ? [] : newest.slice(-count);
  }

  async actor(user: number): Promise<ActorView | undefined> {
    const count = await this.#partitions();
    const partition = user % count;
    return this.#withStore(partition, async (store) => {
      const nextOffset = usable(store.meta?.nextOffset);
      const [bytes] = await store.getMany([user]);
      if (store.meta === undefined || nextOffset === undefined || bytes === undefined) return;
      const flow = createFlow(this.#config);
      const actor = new ActorCodec(flow).decode(user, bytes, store.meta.schemas);
      return { user, partition, nextOffset, state: describeActor(actor, flow) };
    });
  }

  async reader(): Promise<LogReader> {
    return this.#log;
  }

  ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#log.ensureTopics(topics);
  }

  async append(appends: readonly Append[]): Promise<void> {
    await this.#log.append(appends);
  }

  async close(): Promise<void> {
    await this.#log.close();
    this.#folder.release();
    // Let go once: an engine that starts right now has its own claim there.
    process.off('exit', this.#folder.release);
  }

  async #partitions(): Promise<number> {
    const topic = inputTopicOf(this.#config);
    const count = await partitionsOf(this.#log, topic);
    if (count > 0) return count;
    const message = `there is no topic ${topic} in ${this.#config.dataDir}`;
    throw new ShrikeError('LOG_TOPIC_UNKNOWN', message);
  }

  async #position(partition: number): Promise<PartitionPosition> {
    const of = { topic: inputTopicOf(this.#config), partition };
    const { earliest, highWatermark } = await this.#log.offsets(of);
    const [known] = await this.#log.committed(this.#config.application, [of]);
    const committed = known ?? earliest;
    const lagRecords = highWatermark - Math.max(committed, earliest);
    let lagSeconds = 0;
    const waiting = { ...of, from: Math.max(committed, earliest), to: highWatermark };
    for await (const { timestampMs } of recordsOf(this.#log, waiting)) {
      lagSeconds = Math.max(0, (clock.nowMs() - timestampMs) / 1000);
      break;
    }
    return { partition, committed, earliest, highWatermark, lagRecords, lagSeconds };
  }

  async #withStore<T>(
    partition: number,
    use: (store: ActorStore) => Promise<T>,
  ): Promise<T | undefined> {
    if (!existsSync(this.#stores.folderOf(partition))) return undefined;
    const store = await this.#stores.open(partition);
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }
}

/** Below 0: a restore into this store was cut off; it holds no state of any offset. */
function usable(nextOffset: number | undefined): number | undefined {
  return nextOffset !== undefined && nextOffset >= 0 ? nextOffset : undefined;
}
