/** HTTP as a test needs it: any Host header, and server-sent events as a browser reads them. */
import { type IncomingMessage, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** Plain node:http, since fetch does not let a test choose the Host header. */
export function callUrl(
  url: string,
  { method = 'GET', headers = {}, body }: Call = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function jsonUrl(url: string, how: Call = {}): Promise<[number, unknown]> {
  const { status, body } = await callUrl(url, how);
  return [status, JSON.parse(body)];
}

export interface StreamEvent {
  readonly event: string;
  readonly payload: unknown;
}

/** Reads the stream of server-sent events as a browser does. */
export class Listener {
  readonly comments: string[] = [];
  ended = false;
  #events: StreamEvent[] = [];
  #wake: () => void = () => {};

  constructor(response: IncomingMessage) {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) this.#take(frame);
    });
    response.on('error', () => {}); // an aborted answer; `close` follows
    response.on('close', () => {
      this.ended = true;
      this.#wake();
    });
  }

  static open(address: string): Promise<Listener> {
    return new Promise((resolve, reject) => {
      request(`${address}/api/stream`, { agent: false }, (response) => {
        resolve(new Listener(response));
      })
        .on('error', reject)
        .end();
    });
  }

  #take(frame: string): void {
    if (frame.startsWith(':')) this.comments.push(frame.slice(2));
    const match = /^event: (\w+)\ndata: (.*)$/.exec(frame);
    if (match) this.#events.push({ event: match[1] ?? '', payload: JSON.parse(match[2] ?? '') });
    this.#wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async take(count: number): Promise<readonly StreamEvent[]> {
    await this.until(() => this.#events.length >= count);
    return this.#events.splice(0, count);
  }
}
