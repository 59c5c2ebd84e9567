/** Local state, read from the data folder that nobody else works on. */
import { existsSync } from 'node:fs';
import { ActorCodec } from '../../state/actor-codec.ts';
import { describeActor } from '../../state/actor-view.ts';
import { RocksDbStores } from '../../state/rocksdb-store.ts';
import { systemClock as clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ShrikeError } from '../core/errors.ts';
import type { ActorStore } from '../core/state.ts';
import type { ActorView } from '../core/status.ts';
import { createFlow } from '../job.ts';
import { isStateOf, logOfState } from '../local-state.ts';
import type { LocalState } from './access-contract.ts';

/** A command reads a few keys: no cache is worth its memory. */
const CACHE_BYTES = 8 << 20;
const WRITE_BUFFER_BYTES = 1 << 20;

export interface LocalStoresOptions {
  readonly config: Config;
  readonly folder: string;
  readonly partitions: () => Promise<number>;
  /** `Log.identity` of the input. */
  readonly logName: () => Promise<string>;
}

export class LocalStores implements LocalState {
  readonly #options: LocalStoresOptions;
  readonly #stores: RocksDbStores;

  constructor(options: LocalStoresOptions) {
    this.#options = options;
    this.#stores = new RocksDbStores({
      dir: options.folder,
      clock,
      cacheBytes: CACHE_BYTES,
      writeBufferBytes: WRITE_BUFFER_BYTES,
    });
  }

  /** What the engine would delete is no state. */
  async localOffset(partition: number): Promise<number | undefined> {
    const { folder, logName } = this.#options;
    if (!isStateOf(folder, await logName())) return undefined;
    return this.#withStore(partition, async (store) => usable(store.meta?.nextOffset));
  }

  /** @throws STATE_OF_OTHER_LOG */
  async actor(user: number): Promise<ActorView | undefined> {
    const { folder } = this.#options;
    const name = await this.#options.logName();
    if (!isStateOf(folder, name)) {
      const other = logOfState(folder) ?? 'an embedded log';
      const message = `the state in ${folder} was made from ${other}, and this log is ${name}`;
      throw new ShrikeError('STATE_OF_OTHER_LOG', message);
    }
    const count = await this.#options.partitions();
    // Kafka's producers choose the partition, each in its own way; ours takes this one.
    for (let i = 0; i < count; i++) {
      const found = await this.#actorIn((user + i) % count, user);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #actorIn(partition: number, user: number): Promise<ActorView | undefined> {
    return this.#withStore(partition, async (store) => {
      const nextOffset = usable(store.meta?.nextOffset);
      const [bytes] = await store.getMany([user]);
      if (store.meta === undefined || nextOffset === undefined || bytes === undefined) return;
      const flow = createFlow(this.#options.config);
      const actor = new ActorCodec(flow).decode(user, bytes, store.meta.schemas);
      return { user, partition, nextOffset, state: describeActor(actor, flow) };
    });
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
