/**
 * Stands between a client and a broker and knows their protocol well enough to break it between two
 * messages. A rule sees each request by its key (0 Produce, 24 AddPartitionsToTxn, 26 EndTxn …):
 *
 *     const proxy = await KafkaRequestProxy.start(kafka.routes[0]);
 *     proxy.rule = ({ apiKey }) => (apiKey === 26 ? 'lose-answer' : 'pass');
 *
 *     'lose-request'   the connection breaks before the broker gets the request
 *     'lose-answer'    the broker answers; the connection breaks instead
 *     'late-request'   the connection breaks; the broker gets the request at `deliverLate()`
 *     'held-request'   nothing breaks; the broker gets the request at `deliverHeld()`
 *     'swallow'        nothing breaks, and nobody gets anything
 *
 *     proxy.isOpen = false     new connections are refused, too
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ProxyRoute } from './kafka-broker.ts';

export type Fate =
  | 'pass'
  | 'lose-request'
  | 'lose-answer'
  | 'late-request'
  | 'held-request'
  | 'swallow';

export interface SeenRequest {
  readonly apiKey: number;
  readonly frame: Buffer;
}

export class KafkaRequestProxy {
  rule: (request: SeenRequest) => Fate = () => 'pass';
  isOpen = true;
  readonly #upstream: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held: (() => void)[] = [];
  #late: { readonly broker: Socket; readonly frame: Buffer }[] = [];

  private constructor(upstream: string) {
    this.#upstream = upstream;
    this.#server = createServer((client) => this.#serve(client));
  }

  static async start({ listen, upstream }: ProxyRoute): Promise<KafkaRequestProxy> {
    const proxy = new KafkaRequestProxy(upstream);
    const { host, port } = address(listen);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject).listen(port, host, resolve);
    });
    return proxy;
  }

  /** Resolves when the broker has answered all requests that were kept back. */
  async deliverLate(): Promise<void> {
    const late = this.#late;
    this.#late = [];
    await Promise.all(
      late.map(async ({ broker, frame }) => {
        const answered = new Promise((resolve) => {
          broker.once('data', resolve);
          broker.once('close', resolve);
        });
        broker.write(frame);
        await answered;
        broker.destroy();
      }),
    );
  }

  /** What is held goes on its way. */
  deliverHeld(): void {
    for (const deliver of this.#held.splice(0)) deliver();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(client: Socket): void {
    this.#keep(client);
    if (!this.isOpen) {
      client.destroy();
      return;
    }
    const broker = this.#keep(connect({ ...address(this.#upstream), noDelay: true }));
    client.setNoDelay(true);
    const both = () => {
      client.destroy();
      broker.destroy();
    };
    client.on('close', () => {
      if (!this.#late.some((one) => one.broker === broker)) broker.destroy();
    });
    broker.on('close', () => client.destroy());
    // Answers come in the order of the requests.
    const fates: Fate[] = [];
    onFrames(broker, (frame) => {
      if (client.destroyed) return;
      if (fates.shift() === 'lose-answer') both();
      else client.write(frame);
    });
    onFrames(client, (frame) => {
      if (client.destroyed) return;
      const fate = this.rule({ apiKey: frame.readInt16BE(4), frame });
      if (fate === 'lose-request') return both();
      if (fate === 'late-request') {
        this.#late.push({ broker, frame });
        client.destroy();
        return;
      }
      if (fate === 'swallow') return;
      fates.push(fate);
      if (fate === 'held-request') {
        this.#held.push(() => broker.write(frame));
        return;
      }
      broker.write(frame);
    });
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/** Whole messages, their length in front. */
function onFrames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = bytes.byteLength === 0 ? chunk : Buffer.concat([bytes, chunk]);
    while (bytes.byteLength >= 4 && bytes.byteLength >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      const frame = bytes.subarray(0, end);
      bytes = bytes.subarray(end);
      onFrame(frame);
    }
  });
}

function address(text: string): { readonly host: string; readonly port: number } {
  const [host = '', port] = text.split(':');
  return { host, port: Number(port) };
}
