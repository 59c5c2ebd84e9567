/**
 * An output file, written in large pieces under `NAME.partial` and renamed when it is complete, so
 * that a file with its final name is never half a file.
 */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDiskFull, ShrikeError } from '../core/errors.ts';

const FLUSH_CHARACTERS = 1 << 20;

export class TextFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #pieces: string[] = [];
  #length = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** @throws DATA_DIR_UNWRITABLE, DISK_FULL */
  static async create(path: string): Promise<TextFile> {
    try {
      await mkdir(dirname(path), { recursive: true });
      return new TextFile(path, await open(partial(path), 'w'));
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  add(text: string): void {
    this.#pieces.push(text);
    this.#length += text.length;
  }

  async flushWhenLarge(): Promise<void> {
    if (this.#length >= FLUSH_CHARACTERS) await this.#flush();
  }

  /** Bytes that are not text, after all text added before. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#flush();
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#handle.write(bytes, at)).bytesWritten;
      }
    } catch (cause) {
      throw writeError(this.#path, cause);
    }
  }

  async finish(): Promise<void> {
    await this.seal();
    await this.publish();
  }

  /**
   * All bytes are on the disk: before the rename, or a power cut could leave a final name without
   * them.
   */
  async seal(): Promise<void> {
    await this.#flush();
    try {
      await this.#handle.sync();
    } catch (cause) {
      throw writeError(this.#path, cause);
    }
    await this.#handle.close();
  }

  async publish(): Promise<void> {
    await rename(partial(this.#path), this.#path);
  }

  /** The work has failed: nothing is left behind. */
  async abandon(): Promise<void> {
    await this.#handle.close();
    await rm(partial(this.#path), { force: true });
  }

  async #flush(): Promise<void> {
    const text = this.#pieces.join('');
    this.#pieces = [];
    this.#length = 0;
    if (text !== '') await this.write(Buffer.from(text));
  }
}

/** Gives all files their final names when the work succeeds, and removes them when it fails. */
export async function writingFiles<T>(
  paths: readonly string[],
  work: (files: readonly TextFile[]) => Promise<T>,
): Promise<T> {
  const files: TextFile[] = [];
  try {
    for (const path of paths) files.push(await TextFile.create(path));
    const result = await work(files);
    // The disk may be full at any flush, so no file gets its name before all are sealed.
    for (const file of files) await file.seal();
    for (const file of files) await file.publish();
    return result;
  } catch (error) {
    for (const file of files) await file.abandon();
    throw error;
  }
}

/**
 * What a failed write means: @returns DISK_FULL, DATA_DIR_UNWRITABLE, or the cause where it is
 * neither.
 */
export function writeError(path: string, cause: unknown): unknown {
  if (cause instanceof ShrikeError) return cause;
  if (isDiskFull(cause)) {
    return new ShrikeError('DISK_FULL', `no space left to write ${path}`, { cause });
  }
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (typeof code !== 'string') return cause;
  return new ShrikeError('DATA_DIR_UNWRITABLE', `${path} cannot be written`, { cause });
}

function partial(path: string): string {
  return `${path}.partial`;
}
