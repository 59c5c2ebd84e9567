/**
 * The bytes of an input file, plain or gzip (told by its first two bytes, not by its name), block
 * by block, with the position for a progress line.
 */
import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ShrikeError } from '../core/errors.ts';

export interface ByteBlock {
  readonly bytes: Buffer;
  /** Bytes of the file read so far: compressed ones, where it is compressed. */
  readonly position: number;
}

/**
 * Large enough that system calls cost nothing beside the parsing, small enough for a second-level
 * cache.
 */
const BLOCK_BYTES = 256 << 10;

/** @throws CSV_MISSING, CSV_UNREADABLE (also where a gzip file is cut off) */
export async function* readBlocks(file: string): AsyncGenerator<ByteBlock> {
  const raw = createReadStream(file, { highWaterMark: BLOCK_BYTES });
  try {
    for await (const bytes of await plainBytes(raw)) yield { bytes, position: raw.bytesRead };
  } catch (cause) {
    throw readError(file, cause);
  } finally {
    raw.destroy();
  }
}

/**
 * Bytes of the file on disk; 0 where that is unknown (a pipe). @throws CSV_MISSING, CSV_UNREADABLE
 */
export async function fileBytes(file: string): Promise<number> {
  try {
    const facts = await stat(file);
    return facts.isFile() ? facts.size : 0;
  } catch (cause) {
    throw readError(file, cause);
  }
}

/** False for a pipe, whose bytes can be read only once. @throws CSV_MISSING, CSV_UNREADABLE */
export async function isReadTwice(file: string): Promise<boolean> {
  try {
    return !(await stat(file)).isFIFO();
  } catch (cause) {
    throw readError(file, cause);
  }
}

async function plainBytes(raw: ReadStream): Promise<AsyncIterable<Buffer>> {
  const blocks = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await blocks.next();
  const all = withFirst(first, blocks);
  if (first.done === true || first.value[0] !== 0x1f || first.value[1] !== 0x8b) return all;
  const gunzip = createGunzip({ chunkSize: BLOCK_BYTES });
  // The callback has nothing to do: an error of either end reaches the reader of `gunzip`.
  return pipeline(Readable.from(all), gunzip, () => undefined);
}

async function* withFirst(
  first: IteratorResult<Buffer>,
  rest: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer> {
  for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
}

function readError(file: string, cause: unknown): unknown {
  if (cause instanceof ShrikeError || !(cause instanceof Error)) return cause;
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT')
    return new ShrikeError('CSV_MISSING', `there is no file ${file}`, { cause });
  if (code === 'Z_BUF_ERROR') {
    return new ShrikeError('CSV_UNREADABLE', `${file} is cut off: its gzip stream has no end`, {
      cause,
    });
  }
  if (typeof code !== 'string') return cause;
  return new ShrikeError('CSV_UNREADABLE', `${file} cannot be read`, { cause });
}
