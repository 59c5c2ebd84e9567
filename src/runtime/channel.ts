import { ERRORS, type ErrorCode, explain, ShrikeError } from '../core/errors.ts';
import type { CallName, Envelope, Report, WireError } from '../core/messages.ts';
import { SlotTable } from '../core/slot-table.ts';

/** A two-way pipe between threads: a MessagePort in life, a queue in the simulator. */
export interface Channel {
  post(envelope: Envelope, transfer: readonly ArrayBuffer[]): void;
  onMessage(listener: (envelope: Envelope) => void): void;
}

/** An answer that gives buffers away with it. */
export class Given<T> {
  readonly value: T;
  readonly transfer: readonly ArrayBuffer[];

  constructor(value: T, transfer: readonly ArrayBuffer[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

export type Handlers<Served extends object> = {
  [Name in keyof Served]: (
    ask: Served[Name] extends { ask: infer A } ? A : never,
  ) => Promise<Served[Name] extends { answer: infer R } ? R | Given<R> : never>;
};

/**
 * One end of a channel: makes calls of `Made`, serves calls of `Served`.
 * An error keeps its code across the channel; its stack stays where it happened.
 */
export class Peer<Made extends object, Served extends object> {
  readonly #channel: Channel;
  /** An id is used again when its call has been answered, which each is once. */
  readonly #waiting = new SlotTable<{
    resolve: (v: never) => void;
    reject: (e: Error) => void;
  }>();
  #broken: Error | undefined;

  constructor(channel: Channel, serve: Handlers<Served>, onReport: (report: Report) => void) {
    this.#channel = channel;
    const handlers = serve as unknown as Record<string, (ask: unknown) => Promise<unknown>>;
    channel.onMessage((envelope) => {
      switch (envelope.kind) {
        case 'call':
          void this.#serve(envelope.id, handlers[envelope.name], envelope.ask);
          break;
        case 'answer':
          this.#waiting.take(envelope.id)?.resolve(envelope.value as never);
          break;
        case 'refuse':
          this.#waiting.take(envelope.id)?.reject(fromWire(envelope.error));
          break;
        case 'report':
          onReport(envelope.report);
      }
    });
  }

  call<Name extends keyof Made & string>(
    name: Name,
    ask: Made[Name] extends { ask: infer A } ? A : never,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Made[Name] extends { answer: infer R } ? R : never> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) return reject(this.#broken);
      const id = this.#waiting.add({ resolve, reject });
      this.#channel.post({ kind: 'call', id, name: name as string as CallName, ask }, transfer);
    });
  }

  report(report: Report): void {
    this.#channel.post({ kind: 'report', report }, []);
  }

  /** The other end is gone: nothing that waits for it will be answered. */
  break(error: Error): void {
    this.#broken = error;
    for (const { reject } of this.#waiting.takeAll()) reject(error);
  }

  async #serve(
    id: number,
    handler: ((ask: unknown) => Promise<unknown>) | undefined,
    ask: unknown,
  ) {
    try {
      if (handler === undefined) throw new Error('no such call');
      const answer = await handler(ask);
      if (answer instanceof Given) {
        this.#channel.post({ kind: 'answer', id, value: answer.value }, answer.transfer);
      } else {
        this.#channel.post({ kind: 'answer', id, value: answer }, []);
      }
    } catch (error) {
      this.#channel.post({ kind: 'refuse', id, error: toWire(error) }, []);
    }
  }
}

function toWire(error: unknown): WireError {
  if (error instanceof ShrikeError) {
    // The table's hint is added again where the error is shown.
    return { code: error.code, message: explain(error).split(` [${error.code}]`)[0] as string };
  }
  return {
    code: 'UNEXPECTED',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}

function fromWire({ code, message }: WireError): Error {
  return code in ERRORS ? new ShrikeError(code as ErrorCode, message) : new Error(message);
}
