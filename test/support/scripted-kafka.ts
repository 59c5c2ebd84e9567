/**
 * A broker that says what a test tells it to: for answers that a real one gives once in a year. One
 * node, one topic `t` with one partition, Metadata, Fetch, ListOffsets and DescribeConfigs.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Reader } from '../../src/log/kafka/wire/reader.ts';
import { Writer } from '../../src/log/kafka/wire/writer.ts';

export interface ScriptedPartition {
  readonly error?: number;
  readonly lastStableOffset?: number;
  readonly records?: Buffer;
  readonly aborted?: readonly { readonly producerId: number; readonly firstOffset: number }[];
  readonly isDiverging?: boolean;
}

export interface FetchSeen {
  readonly offset: number;
  readonly leaderEpoch: number;
  readonly lastEpoch: number;
  readonly waitMs: number;
}

/** `hang-up`: the connection ends instead of an answer. `throttle`: no data, and a time to wait. */
export type Reply = ScriptedPartition | 'hang-up' | { readonly throttleMs: number };

export interface Script {
  /** Answers each fetch. */
  fetch(seen: FetchSeen): Reply;
  /** `LOG`: [log start, last stable offset, high watermark]. */
  readonly offsets?: readonly [number, number, number];
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the metadata; counts up with each question. */
  readonly topicError?: (question: number) => number;
}

export class ScriptedKafka {
  readonly #server: Server;
  readonly #script: Script;
  readonly #sockets = new Set<Socket>();
  #questions = 0;
  readonly fetches: FetchSeen[] = [];

  private constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(script: Script): Promise<ScriptedKafka> {
    const kafka = new ScriptedKafka(script);
    kafka.#server.listen(0, '127.0.0.1');
    await once(kafka.#server, 'listening');
    return kafka;
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get #port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return address.port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on('error', () => undefined); // the test's side has hung up
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.byteLength >= 4 && bytes.byteLength >= 4 + bytes.readInt32BE(0)) {
        const end = 4 + bytes.readInt32BE(0);
        this.#answer(socket, new Reader(bytes.subarray(4, end)));
        bytes = bytes.subarray(end);
      }
    });
  }

  #answer(socket: Socket, request: Reader): void {
    const key = request.i16();
    request.i16(); // version
    const to = new Writer(1024).i32(0).i32(request.i32());
    request.shortString();
    request.tags();
    to.tags();
    const answer = this.#answers.get(key);
    if (answer === undefined || !answer(request, to)) return void socket.destroy();
    to.setI32(0, to.length - 4);
    socket.write(to.bytes);
  }

  readonly #metadata = (_: Reader, to: Writer): boolean => {
    this.#questions += 1;
    const error = this.#script.topicError?.(this.#questions) ?? 0;
    to.i32(0).array([1], () => to.i32(1).string('127.0.0.1').i32(this.#port).uvarint(0).tags());
    to.nullableString(null).i32(1);
    to.array(['t'], (topic) => {
      to.i16(error).string(topic).bool(false);
      to.array([0], (partition) => {
        to.i16(0).i32(partition).i32(1).i32(5);
        for (let list = 0; list < 3; list++) to.array([1], (node) => to.i32(node));
        to.tags();
      });
      to.i32(0).tags();
    });
    to.i32(0).tags();
    return true;
  };

  readonly #fetch = (request: Reader, to: Writer): boolean => {
    request.i32(); // replica
    const waitMs = request.i32();
    request.at += 4 + 4 + 1 + 4 + 4; // bytes, isolation, session
    let seen: FetchSeen | undefined;
    request.array(() => {
      request.string();
      request.array(() => {
        request.i32();
        const leaderEpoch = request.i32();
        const offset = request.i64();
        const lastEpoch = request.i32();
        seen = { offset, leaderEpoch, lastEpoch, waitMs };
        request.i64();
        request.i32();
        request.tags();
      });
      request.tags();
    });
    if (seen === undefined) return false;
    this.fetches.push(seen);
    const reply = this.#script.fetch(seen);
    if (reply === 'hang-up') return false;
    if ('throttleMs' in reply) {
      to.i32(reply.throttleMs).i16(0).i32(0);
      to.array([], () => undefined).tags();
      return true;
    }
    to.i32(0).i16(0).i32(0);
    to.array(['t'], (topic) => {
      to.string(topic);
      to.array([reply], (partition) => writePartition(to, partition));
      to.tags();
    });
    to.tags();
    return true;
  };

  readonly #offsets = (request: Reader, to: Writer): boolean => {
    request.i32(); // replica
    const isolation = request.i8();
    let timestamp = 0;
    request.array(() => {
      request.string();
      request.array(() => {
        request.i32();
        request.i32();
        timestamp = request.i64();
        request.tags();
      });
      request.tags();
    });
    const [start, stable, end] = this.#script.offsets ?? [0, 0, 0];
    const offset = timestamp === -2 ? start : isolation === 1 ? stable : end;
    to.i32(0).array(['t'], (topic) => {
      to.string(topic);
      to.array([offset], (at) => to.i32(0).i16(0).i64(-1).i64(at).i32(5).tags());
      to.tags();
    });
    to.tags();
    return true;
  };

  readonly #settings = (_: Reader, to: Writer): boolean => {
    to.i32(0).array(['t'], (topic) => {
      to.i16(0).nullableString(null).i8(2).string(topic);
      to.array(Object.entries(this.#script.settings ?? {}), ([name, value]) => {
        to.string(name).nullableString(value).bool(false).i8(1).bool(false);
        to.array([], () => undefined);
        to.i8(2).nullableString(null).tags();
      });
      to.tags();
    });
    to.tags();
    return true;
  };

  readonly #answers = new Map([
    [1, this.#fetch],
    [2, this.#offsets],
    [3, this.#metadata],
    [32, this.#settings],
  ]);
}

function writePartition(to: Writer, partition: ScriptedPartition): void {
  const { error = 0, lastStableOffset = 0, records, aborted = [] } = partition;
  to.i32(0).i16(error).i64(lastStableOffset).i64(lastStableOffset).i64(0);
  to.array(aborted, ({ producerId, firstOffset }) => to.i64(producerId).i64(firstOffset).tags());
  to.i32(-1).bytesField(records ?? Buffer.alloc(0));
  if (partition.isDiverging !== true) return void to.tags();
  to.uvarint(1).uvarint(0).uvarint(13).i32(4).i64(7).tags();
}
