/** A source's lines. Blank ones are none: nothing was in them. */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';

/** Beyond it an object of 32 MiB has been packed to an eighth: no alerts pack like that. */
const TEXT_BYTES_MAX = 256 << 20;
/** Below this a trip to the thread pool costs more than the work. */
const INLINE_BYTES_MAX = 64 << 10;
const NEWLINE = 10;

const unpack = promisify(gunzip);

export function sha256Of(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** @returns the reason when it is damaged, cut off, too large, or goes on behind its end. */
export async function textOf(body: Uint8Array): Promise<Buffer | string> {
  const options = { maxOutputLength: TEXT_BYTES_MAX };
  try {
    if (body.byteLength <= INLINE_BYTES_MAX) return gunzipSync(body, options);
    return await unpack(body, options);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function* linesOf(text: Buffer): Generator<Buffer> {
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf(NEWLINE, from);
    const end = newline === -1 ? text.length : newline;
    const line = text.subarray(from, end);
    if (!isBlank(line)) yield line;
    from = end + 1;
  }
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}
