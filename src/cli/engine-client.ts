/** The HTTP API of the engine that works on a data folder, as docs/api.md describes it. */
import { ERRORS, type ErrorCode, ShrikeError } from '../core/errors.ts';
import type { EngineAddress } from '../data-folder.ts';

export interface StreamEvent {
  readonly event: string;
  readonly payload: unknown;
}

export class EngineClient {
  readonly pid: number;
  readonly #address: string;
  readonly #token: string;

  /** @throws DATA_DIR_LOCKED when the process on the folder answers nowhere */
  constructor({ pid, address, token }: EngineAddress) {
    if (address === undefined || token === undefined) {
      throw new ShrikeError(
        'DATA_DIR_LOCKED',
        `the process ${pid} works on the data folder and has no API: it is starting or stopping, ` +
          'runs with --no-listen, or is another command',
      );
    }
    this.pid = pid;
    this.#address = address;
    this.#token = token;
  }

  /** @throws API_UNREACHABLE, or the code that the engine answers with */
  async get<T>(path: string): Promise<T> {
    return (await (await this.#fetch(path, {})).json()) as T;
  }

  async post<T>(path: string, body: { readonly type: string; readonly text: string }): Promise<T> {
    const headers = { 'content-type': body.type };
    const answer = await this.#fetch(path, { method: 'POST', headers, body: body.text });
    return (await answer.json()) as T;
  }

  /**
   * Server-sent events, until the signal aborts.
   * @throws API_UNREACHABLE when the engine ends them
   */
  async *events(path: string, signal: AbortSignal): AsyncGenerator<StreamEvent> {
    const { body } = await this.#fetch(path, { signal });
    const decoder = new TextDecoder();
    let text = '';
    try {
      for await (const bytes of body ?? []) {
        text += decoder.decode(bytes as Uint8Array, { stream: true });
        const frames = text.split('\n\n');
        text = frames.pop() ?? '';
        for (const frame of frames) {
          const match = /^event: (\w+)\ndata: (.*)$/.exec(frame);
          if (match === null) continue;
          yield { event: match[1] as string, payload: JSON.parse(match[2] as string) };
        }
      }
    } catch (cause) {
      if (signal.aborted) return;
      throw this.#unreachable('the stream broke off', cause);
    }
    if (!signal.aborted) throw this.#unreachable('the engine ended the stream');
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.#token}`);
    let answer: Response;
    try {
      answer = await fetch(`${this.#address}${path}`, { ...init, headers });
    } catch (cause) {
      throw this.#unreachable(`no answer to ${path}`, cause);
    }
    if (!answer.ok) throw await problemOf(answer, path);
    return answer;
  }

  #unreachable(what: string, cause?: unknown): ShrikeError {
    return new ShrikeError(
      'API_UNREACHABLE',
      `${what}: process ${this.pid} at ${this.#address}`,
      cause === undefined ? undefined : { cause },
    );
  }
}

async function problemOf(answer: Response, path: string): Promise<ShrikeError> {
  const text = await answer.text();
  const problem = parsed(text);
  if (problem !== undefined && problem.code in ERRORS) {
    return new ShrikeError(problem.code as ErrorCode, problem.message);
  }
  return new ShrikeError('API_UNREACHABLE', `${path} was answered with ${answer.status}: ${text}`);
}

function parsed(text: string): { readonly code: string; readonly message: string } | undefined {
  try {
    return JSON.parse(text) as { code: string; message: string };
  } catch {
    return undefined;
  }
}
