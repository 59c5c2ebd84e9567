/** One request of Kafka's protocol at one version. */
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

export interface Api<Request, Answer> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** False only for SaslHandshake: headers without tagged fields. */
  readonly flexible?: false;
  encode(to: Writer, request: Request): void;
  decode(from: Reader): Answer;
}
