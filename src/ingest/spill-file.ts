/**
 * Room on disk for what does not fit in memory. The file has no name once it is open, so that the
 * system frees it however the process ends.
 */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeError } from './text-file.ts';

export class SpillFile {
  readonly #handle: FileHandle;
  readonly #folder: string;
  #length = 0;

  /** @param handle owned from now on; `open` is the usual way. */
  constructor(handle: FileHandle, folder: string) {
    this.#handle = handle;
    this.#folder = folder;
  }

  /** @throws DATA_DIR_UNWRITABLE, DISK_FULL */
  static async open(folder: string): Promise<SpillFile> {
    const path = join(folder, `sort-${process.pid}-${process.hrtime.bigint()}.tmp`);
    try {
      await mkdir(folder, { recursive: true });
      const handle = await open(path, 'wx+');
      await rm(path);
      return new SpillFile(handle, folder);
    } catch (cause) {
      throw writeError(folder, cause);
    }
  }

  get length(): number {
    return this.#length;
  }

  /** @throws DISK_FULL */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(
          bytes,
          at,
          bytes.length - at,
          this.#length,
        );
        at += bytesWritten;
        this.#length += bytesWritten;
      }
    } catch (cause) {
      throw writeError(`the sort's temporary file in ${this.#folder}`, cause);
    }
  }

  /** Fills `into` from `at`; fewer bytes only at the end. @returns bytes read */
  async read(into: Uint8Array, at: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const { bytesRead } = await this.#handle.read(
        into,
        filled,
        into.length - filled,
        at + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return filled;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
