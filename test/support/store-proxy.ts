/**
 * A TCP proxy before an HTTP server that does what networks do, request by request.
 *
 *     const proxy = await openStoreProxy(minio.address);
 *     proxy.fault = (head) => (head.startsWith('PUT') ? 'cut-answer' : undefined);
 *     proxy.heads                     the heads of all requests, in their order
 *     proxy.endpoint                  'http://127.0.0.1:PORT'
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * `reset`       the connection breaks, the server has not seen the request
 * `cut-answer`  the server has done it, the connection breaks before the answer
 * `hold-answer` the server has done it, the answer never comes
 * `cut-body`    the answer ends in the middle
 * `spoil-body`  the last byte of the answer's first packet is another one
 */
export type Fault = 'reset' | 'cut-answer' | 'hold-answer' | 'cut-body' | 'spoil-body';

const HEAD = /^(GET|PUT|POST|DELETE|HEAD) /;

export class StoreProxy {
  readonly heads: string[] = [];
  readonly endpoint: string;
  /** Asked once a request. */
  fault: (head: string) => Fault | undefined = () => undefined;
  readonly #close: () => Promise<void>;

  constructor(port: number, close: () => Promise<void>) {
    this.endpoint = `http://127.0.0.1:${port}`;
    this.#close = close;
  }

  close(): Promise<void> {
    return this.#close();
  }
}

/** @param target host:port */
export async function openStoreProxy(target: string): Promise<StoreProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    pass(client, target, proxy);
    sockets.add(client);
    client.once('close', () => sockets.delete(client));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = new StoreProxy((server.address() as { port: number }).port, async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return proxy;
}

function pass(client: Socket, target: string, proxy: StoreProxy): void {
  const [host, port] = target.split(':');
  const upstream = connect(Number(port), host);
  let fault: Fault | undefined;
  client.on('data', (chunk) => {
    const text = chunk.toString('latin1');
    if (HEAD.test(text)) {
      const head = text.split('\r\n\r\n', 1)[0] as string;
      proxy.heads.push(head);
      fault = proxy.fault(head);
    }
    if (fault === 'reset') client.resetAndDestroy();
    else upstream.write(chunk);
  });
  upstream.on('data', (chunk) => {
    // "100 Continue" is no answer yet: the body is still to come.
    if (chunk.toString('latin1').startsWith('HTTP/1.1 100')) {
      client.write(chunk);
      return;
    }
    answer(client, chunk, fault);
  });
  const end = () => {
    client.destroy();
    upstream.destroy();
  };
  // A broken connection is what this is for.
  for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
}

function answer(client: Socket, chunk: Buffer, fault: Fault | undefined): void {
  switch (fault) {
    case 'hold-answer':
      return;
    case 'cut-answer':
      client.resetAndDestroy();
      return;
    case 'cut-body':
      client.end(chunk.subarray(0, chunk.byteLength - 1));
      return;
    case 'spoil-body':
      chunk[chunk.byteLength - 1] = (chunk.at(-1) as number) ^ 1;
      break;
    default:
  }
  client.write(chunk);
}
