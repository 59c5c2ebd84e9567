/**
 * Writes the three raw files of the Kaggle set. Payments are in the order of event time, over all
 * cards; in the original they are grouped by user and card. Both are valid inputs of the workload.
 */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ShrikeError } from '../core/errors.ts';
import { PaymentStream } from './payments.ts';
import { DAY_MINUTES, type World } from './people.ts';
import { cardProfile, userProfile } from './profiles.ts';
import {
  CARDS_HEADER,
  cardLine,
  PAYMENTS_HEADER,
  paymentLine,
  USERS_HEADER,
  userLine,
} from './texts.ts';

export interface RawFilesOptions {
  readonly world: World;
  readonly days: number;
  readonly outDir: string;
  /** Called about once for every 64 KiB written. */
  readonly progress?: (done: { readonly payments: number; readonly days: number }) => void;
}

export interface RawFilesReport {
  readonly payments: number;
  readonly frauds: number;
  readonly users: number;
  readonly cards: number;
}

const CHUNK_CHARS = 1 << 16;

/** @throws DATA_DIR_UNWRITABLE */
export async function writeRawFiles(options: RawFilesOptions): Promise<RawFilesReport> {
  const { world, outDir } = options;
  const tally = { payments: 0, frauds: 0, users: 0, cards: 0 };
  const write = (name: string, header: string, lines: Iterable<string>) =>
    pipeline(Readable.from(chunks(header, lines)), createWriteStream(join(outDir, name)));
  try {
    await mkdir(outDir, { recursive: true });
    await write('sd254_users.csv', USERS_HEADER, userLines(world, tally));
    await write('sd254_cards.csv', CARDS_HEADER, cardLines(world, tally));
    await write('credit_card_transactions.csv', PAYMENTS_HEADER, paymentLines(options, tally));
  } catch (cause) {
    throw new ShrikeError('DATA_DIR_UNWRITABLE', `cannot write the raw files to ${outDir}`, {
      cause,
    });
  }
  return tally;
}

type Tally = { -readonly [K in keyof RawFilesReport]: number };

function* userLines(world: World, tally: Tally): Iterable<string> {
  for (let user = 0; user < world.users; user++, tally.users++) {
    yield userLine(userProfile(world, user));
  }
}

function* cardLines(world: World, tally: Tally): Iterable<string> {
  for (let user = 0; user < world.users; user++) {
    for (let card = 0; card < (world.cardCounts[user] as number); card++, tally.cards++) {
      yield cardLine(cardProfile(world, user, card));
    }
  }
}

function* paymentLines({ world, days, progress }: RawFilesOptions, tally: Tally): Iterable<string> {
  const untilMinute = world.startMinute + days * DAY_MINUTES;
  let chars = 0;
  for (const payment of new PaymentStream(world, { untilMinute })) {
    const line = paymentLine(payment);
    tally.payments++;
    if (payment.fraud) tally.frauds++;
    chars += line.length;
    if (chars >= CHUNK_CHARS) {
      chars = 0;
      const done = (payment.minute - world.startMinute) / DAY_MINUTES;
      progress?.({ payments: tally.payments, days: Math.floor(done) });
    }
    yield line;
  }
}

/** Lines in pieces that are worth a write call each. */
function* chunks(header: string, lines: Iterable<string>): Iterable<string> {
  let chunk = `${header}\n`;
  for (const line of lines) {
    chunk += `${line}\n`;
    if (chunk.length < CHUNK_CHARS) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}
