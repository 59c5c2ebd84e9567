/**
 * Everyone who listens to the stream (server-sent events).
 *
 * A4  Each listener gets events in the order in which they were sent, or loses the connection:
 *     nothing is left out in between.
 * A5  A listener that does not read is dropped when more than `bufferedBytesMax` wait for it, so
 *     that a sleeping browser tab never costs the engine its memory.
 */
import type { ServerResponse } from 'node:http';
import { ShrikeError } from '../core/errors.ts';

export interface AudienceLimits {
  readonly listenersMax: number;
  readonly bufferedBytesMax: number;
  /** A comment is sent so often, so that proxies keep a quiet connection open. */
  readonly heartbeatMs: number;
}

/** One event, encoded once for all listeners: they share the buffer. */
export function encodeEvent(event: string, payload: unknown): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(payload)}\n\n`);
}

const HEARTBEAT = Buffer.from(': heartbeat\n\n');

export class Audience {
  readonly #listeners = new Set<ServerResponse>();
  readonly #limits: AudienceLimits;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(limits: AudienceLimits) {
    this.#limits = limits;
    this.#heartbeat = setInterval(() => this.#sendAll(HEARTBEAT), limits.heartbeatMs).unref();
  }

  /** @throws API_BUSY when there are too many already. */
  reserve(): void {
    const { listenersMax } = this.#limits;
    if (this.#listeners.size < listenersMax) return;
    throw new ShrikeError('API_BUSY', `${listenersMax} listeners have the stream open already`);
  }

  /** The response is the audience's from here on; its head is written already. */
  admit(response: ServerResponse, welcome: readonly Buffer[]): void {
    this.#listeners.add(response);
    // `close` comes after whatever ended the connection: the browser, a drop, the shutdown.
    response.on('close', () => this.#listeners.delete(response));
    response.on('error', () => response.destroy());
    for (const frame of welcome) this.#send(response, frame);
  }

  send(event: string, payload: unknown): void {
    if (this.#listeners.size > 0) this.#sendAll(encodeEvent(event, payload));
  }

  /** Ends every stream at once. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const response of this.#listeners) response.destroy();
    this.#listeners.clear();
  }

  #sendAll(frame: Buffer): void {
    for (const response of this.#listeners) this.#send(response, frame);
  }

  #send(response: ServerResponse, frame: Buffer): void {
    if (response.destroyed) return;
    if (response.writableLength > this.#limits.bufferedBytesMax) response.destroy();
    else response.write(frame);
  }
}
