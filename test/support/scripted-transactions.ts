/**
 * A coordinator of transactions and groups that answers as a test tells it to, and notes what it
 * was asked: `init -1`, `add 0`, `offsets 0`, `commit 0`, `abort 0`, each with the epoch.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { BROKER_ERRORS, type BrokerError } from '../../src/log/kafka/wire/broker-errors.ts';
import { Reader } from '../../src/log/kafka/wire/reader.ts';
import { Writer } from '../../src/log/kafka/wire/writer.ts';

const STEPS = new Map([
  [10, 'find'],
  [22, 'init'],
  [25, 'add'],
  [26, 'end'],
  [28, 'offsets'],
  [65, 'describe'],
]);

export class ScriptedTransactions {
  readonly asked: string[] = [];
  /** Answers to the requests of a kind, in their order; without one: no error. */
  /** What it says of the id when it is asked: state and epoch; else it does not know it. */
  described: { readonly state: string; readonly epoch: number } | undefined;
  readonly answers: Record<string, (BrokerError | 'hang-up')[]> = {};
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #epoch = -1;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<ScriptedTransactions> {
    const coordinator = new ScriptedTransactions();
    coordinator.#server.listen(0, '127.0.0.1');
    await once(coordinator.#server, 'listening');
    return coordinator;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.hangUp();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined); // the test's side has hung up
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.byteLength >= 4 && bytes.byteLength >= 4 + bytes.readInt32BE(0)) {
        const end = 4 + bytes.readInt32BE(0);
        this.#answer(socket, new Reader(bytes.subarray(4, end)));
        bytes = bytes.subarray(end);
      }
    });
  }

  #answer(socket: Socket, request: Reader): void {
    const step = STEPS.get(request.i16()) ?? 'unknown';
    request.i16(); // version
    const to = new Writer(256).i32(0).i32(request.i32());
    request.shortString();
    request.tags();
    to.tags().i32(0); // throttle time
    const what = step === 'find' ? step : this.#note(step, request);
    const answer = this.answers[what]?.shift() ?? 'NONE';
    if (answer === 'hang-up') return void socket.destroy();
    this.#write(to, step, BROKER_ERRORS[answer]);
    to.setI32(0, to.length - 4);
    socket.write(to.bytes);
  }

  #note(step: string, request: Reader): string {
    if (step === 'describe') {
      this.asked.push(step);
      return step;
    }
    request.string(); // transactional id
    if (step === 'offsets') request.string(); // group
    if (step === 'init') request.i32(); // time-out
    request.i64(); // producer id
    const epoch = request.i16();
    const end = () => (request.bool() ? 'commit' : 'abort');
    const name = step === 'end' ? end() : step;
    this.asked.push(`${name} ${epoch}`);
    return name;
  }

  #describe(to: Writer): void {
    const { state, epoch } = this.described ?? { state: '', epoch: -1 };
    const error = this.described === undefined ? BROKER_ERRORS.TRANSACTIONAL_ID_NOT_FOUND : 0;
    to.array([error], (one) =>
      to
        .i16(one)
        .string('shrike-0')
        .string(state)
        .i32(60_000)
        .i64(0)
        .i64(7)
        .i16(epoch)
        .array([], () => undefined)
        .tags(),
    );
  }

  #write(to: Writer, step: string, error: number): void {
    if (step === 'find') {
      to.i16(error).nullableString(null).i32(1).string('127.0.0.1').i32(this.port);
    } else if (step === 'init') {
      if (error === 0) this.#epoch += 1;
      to.i16(error).i64(7).i16(this.#epoch);
    } else if (step === 'describe') this.#describe(to);
    else if (step === 'offsets') {
      to.array(['in'], (topic) =>
        to
          .string(topic)
          .array([0], (partition) => to.i32(partition).i16(error).tags())
          .tags(),
      );
    } else to.i16(error);
    to.tags();
  }
}
