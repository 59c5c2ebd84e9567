/**
 * Where checkpoints go: a folder now, S3 behind the same port.
 * B1  `put` is atomic: a reader sees the whole object or none.
 * B2  `putIfAbsent` succeeds for exactly one of several writers of a key.
 * B3  After `put` returns, `get` and `list` show the object, also after a power cut.
 * Keys are slash-separated, of [a-zA-Z0-9._=-]; `list` answers in ascending order of the key.
 */
export interface ObjectSummary {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface ObjectStore {
  put(key: string, body: Uint8Array): Promise<void>;
  /** @returns false when the key exists already. */
  putIfAbsent(key: string, body: Uint8Array): Promise<boolean>;
  /** @returns undefined when there is no such object. */
  get(key: string): Promise<Uint8Array | undefined>;
  list(prefix: string): Promise<readonly ObjectSummary[]>;
  /** No error when it is gone already. */
  delete(key: string): Promise<void>;
}
