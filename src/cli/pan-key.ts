/**
 * The key of the hash that stands for a card number: the same key gives the same hash in every run.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShrikeError } from '../core/errors.ts';

const KEY_BYTES = 32;
/** Card numbers have so few digits unknown that a key that can be guessed gives them away. */
const KEY_CHARACTERS_MIN = 16;

/**
 * SHRIKE_PAN_KEY, or the file `pan.key` of the data folder, made when it is not there.
 * @throws USAGE for a short key, DATA_DIR_UNWRITABLE
 */
export function panKey(dataDir: string, env: NodeJS.ProcessEnv): Buffer {
  if (env.SHRIKE_PAN_KEY !== undefined) return checked(env.SHRIKE_PAN_KEY, 'SHRIKE_PAN_KEY');
  const file = join(dataDir, 'pan.key');
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, randomBytes(KEY_BYTES).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || !isReadable(file)) {
      throw new ShrikeError('DATA_DIR_UNWRITABLE', `cannot write ${file}`, { cause });
    }
  }
  return checked(readFileSync(file, 'utf8').trim(), file);
}

function isReadable(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

function checked(key: string, source: string): Buffer {
  if (key.length >= KEY_CHARACTERS_MIN) return Buffer.from(key);
  throw new ShrikeError(
    'USAGE',
    `the key in ${source} has ${key.length} characters; ${KEY_CHARACTERS_MIN} are the least`,
  );
}
