/**
 * One connection to one broker: requests out, answers back, matched by correlation id. The broker
 * works on the requests of a connection one after the other, so what may wait long (a fetch, a
 * join) has a connection of its own.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { ShrikeError } from '../../../core/errors.ts';
import type { Api } from './api.ts';
import { Reader } from './reader.ts';
import { authenticate } from './sasl.ts';
import type { HostPort, KafkaSettings } from './settings.ts';
import { Writer } from './writer.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** An answer larger than this is not from a broker (or not from one that was asked nicely). */
const ANSWER_BYTES_MAX = 256 << 20;

export interface ConnectionOptions {
  readonly settings: KafkaSettings;
  readonly at: HostPort;
  /** A request that is not answered for so long ends the connection. */
  readonly requestTimeoutMs: number;
}

interface Waiting {
  readonly id: number;
  readonly api: string;
  readonly answered: (body: Reader) => void;
  readonly failed: (error: Error) => void;
  readonly flexible: boolean;
  readonly timer: NodeJS.Timeout;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  /** Brokers answer the requests of a connection in their order. */
  readonly #waiting: Waiting[] = [];
  #lastId = 0;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #needed = 4;
  #end: ShrikeError | undefined;
  #hasAnswered = false;
  #reauthenticateAt = Number.POSITIVE_INFINITY;

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => this.#close(this.#unavailable(error.message, error)));
    socket.on('close', () => this.#close(this.#unavailable(this.#whyClosed)));
  }

  /** @throws LOG_UNAVAILABLE, KAFKA_AUTH_FAILED */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const socket = await dial(options);
    const connection = new Connection(options, socket);
    const { sasl } = options.settings;
    if (sasl === undefined) return connection;
    try {
      const call = <Q, A>(api: Api<Q, A>, request: Q) => connection.call(api, request);
      const lifetimeMs = await authenticate(call, sasl);
      // A connection that is about to be too old is replaced by a new one: simpler than a second
      // authentication between two answers.
      if (lifetimeMs > 0) connection.#reauthenticateAt = performance.now() + lifetimeMs * 0.8;
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** False once it has ended, or its credentials are about to expire. */
  get isUsable(): boolean {
    return this.#end === undefined && performance.now() < this.#reauthenticateAt;
  }

  /** When the certificate ends that the broker has shown; undefined without TLS. */
  get certificateEndsAtMs(): number | undefined {
    if (!(this.#socket instanceof TLSSocket)) return undefined;
    const endsAtMs = Date.parse(this.#socket.getPeerCertificate().valid_to);
    return Number.isNaN(endsAtMs) ? undefined : endsAtMs;
  }

  /** @throws LOG_UNAVAILABLE */
  call<Q, A>(api: Api<Q, A>, request: Q): Promise<A> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = (this.#lastId = (this.#lastId + 1) & 0x7fffffff);
    const flexible = api.flexible ?? true;
    const to = new Writer(1024).i32(0).i16(api.key).i16(api.version).i32(id);
    to.shortString(this.#options.settings.clientId);
    if (flexible) to.tags();
    api.encode(to, request);
    to.setI32(0, to.length - 4);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#onTimeout(api.name), this.#options.requestTimeoutMs);
      const answered = (body: Reader) => {
        try {
          resolve(api.decode(body));
        } catch (error) {
          reject(this.#unavailable(`the answer to ${api.name} cannot be read`, error));
        }
      };
      this.#waiting.push({ id, api: api.name, answered, failed: reject, flexible, timer });
      this.#socket.write(to.bytes);
    });
  }

  /** A listener that wants a login, or TLS, hangs up on who does not begin with it. */
  get #whyClosed(): string {
    const what = 'the broker closed the connection';
    return this.#hasAnswered ? what : `${what} at once: does it want kafka.sasl, or kafka.tls?`;
  }

  close(): void {
    this.#close(this.#unavailable('the connection is closed'));
  }

  #onTimeout(api: string): void {
    this.#close(this.#unavailable(`no answer to ${api} for ${this.#options.requestTimeoutMs} ms`));
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength;
    // An answer that arrives in pieces is put together once, when its last piece is there.
    while (this.#bytes >= this.#needed) {
      if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#bytes)];
      const all = this.#chunks[0] as Buffer;
      const length = all.readInt32BE(0);
      if (length < 4 || length > ANSWER_BYTES_MAX) {
        this.#close(this.#unavailable('this is no Kafka broker, or one that wants kafka.tls'));
        return;
      }
      this.#needed = 4 + length;
      if (this.#bytes < this.#needed) return;
      const rest = all.subarray(this.#needed);
      const frame = all.subarray(4, this.#needed);
      this.#chunks = rest.byteLength > 0 ? [rest] : [];
      this.#bytes = rest.byteLength;
      this.#needed = 4;
      this.#onAnswer(new Reader(frame));
    }
  }

  #onAnswer(body: Reader): void {
    const id = body.i32();
    const [waiting] = this.#waiting;
    if (waiting?.id !== id) {
      this.#close(this.#unavailable(`an answer to nothing that was asked (${id})`));
      return;
    }
    this.#hasAnswered = true;
    this.#waiting.shift();
    clearTimeout(waiting.timer);
    if (waiting.flexible) body.tags();
    waiting.answered(body);
  }

  #close(error: ShrikeError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#socket.destroy();
    for (const { failed, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      failed(error);
    }
  }

  #unavailable(reason: string, cause?: unknown): ShrikeError {
    return unavailable(this.#options.at, reason, cause);
  }
}

function dial({ settings, at }: ConnectionOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { tls } = settings;
    const { host, port } = at;
    const socket =
      tls === undefined
        ? connectTcp({ host, port, noDelay: true })
        : connectTls({
            host,
            port,
            ...tls,
            // Said outright: else NODE_TLS_REJECT_UNAUTHORIZED in an environment switches it off.
            rejectUnauthorized: true,
            ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
          });
    const fail = (error: Error) => {
      socket.destroy();
      const code = (error as NodeJS.ErrnoException).code ?? '';
      const isUntrusted = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code);
      const doubt = tls !== undefined && code === 'ECONNRESET' ? ': does it speak TLS?' : '';
      if (!isUntrusted) return reject(unavailable(at, `${error.message}${doubt}`, error));
      const message = `TLS with ${host}:${port} failed: ${error.message}`;
      reject(new ShrikeError('KAFKA_AUTH_FAILED', message, { cause: error }));
    };
    const timer = setTimeout(() => fail(new Error('no connection in time')), CONNECT_TIMEOUT_MS);
    const closed = () => fail(new Error('the broker closed the connection'));
    socket.once('error', fail);
    socket.once('close', closed);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      socket.off('close', closed);
      socket.setNoDelay(true);
      resolve(socket);
    });
    socket.once('close', () => clearTimeout(timer));
  });
}

function unavailable({ host, port }: HostPort, reason: string, cause?: unknown): ShrikeError {
  return new ShrikeError('LOG_UNAVAILABLE', `broker ${host}:${port}: ${reason}`, { cause });
}
