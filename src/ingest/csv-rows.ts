/**
 * Splits bytes into CSV rows (RFC 4180: quotes, CRLF, quoted line breaks, a last line without an
 * end), however the bytes are cut into blocks, and holds at most one unfinished row of
 * `lineBytesMax`.
 *
 * I1  Every line that is not blank yields one row or one flaw, in order; `row` counts both.
 * I2  A flaw costs its own line only: where a quote is never closed, or closed by a later row's
 *     opening quote, reading goes on with the next line.
 * I3  A line longer than `lineBytesMax` is skipped without being held.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { LIMITS } from '../core/limits.ts';

export interface CsvRow {
  /** Line number in the file, from 1. */
  readonly line: number;
  /** Position among the rows and flaws after the header, from 0. */
  readonly row: number;
  readonly fields: readonly string[];
}

export interface CsvFlaw {
  readonly line: number;
  readonly row: number;
  readonly reason: string;
}

export interface CsvRows {
  readonly rows: CsvRow[];
  readonly flaws: CsvFlaw[];
}

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const COMMA = 44;
const NONE = Number.POSITIVE_INFINITY;

export class CsvSplitter {
  readonly #lineBytesMax: number;
  /** The unfinished row at the end of the last block. */
  #carry: Buffer = Buffer.alloc(0);
  #line = 1;
  /** The header is row -1. */
  #row = -1;
  #bomChecked = false;
  #skipping = false;
  #out: CsvRows = { rows: [], flaws: [] };

  constructor(lineBytesMax: number = LIMITS.csvLineBytesMax) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The rows that `bytes` completes. `bytes` may be reused afterwards. */
  push(bytes: Buffer): CsvRows {
    return this.#take(
      this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]),
      false,
    );
  }

  /** The last row, when it has no line end. */
  end(): CsvRows {
    const rest = this.#carry;
    return this.#take(rest.length === 0 ? rest : Buffer.concat([rest, Buffer.from('\n')]), true);
  }

  #take(block: Buffer, last: boolean): CsvRows {
    this.#out = { rows: [], flaws: [] };
    let at = this.#startOf(block, last);
    if (at >= 0) at = this.#split(block, at, last);
    // A copy: the block belongs to the stream, and a view would hold all of it.
    this.#carry = at >= 0 && at < block.length ? Buffer.from(block.subarray(at)) : Buffer.alloc(0);
    if (this.#carry.length > this.#lineBytesMax && !this.#carry.includes(NEWLINE)) {
      this.#flaw(`the line is longer than ${this.#lineBytesMax} bytes`, 0);
      this.#skipping = true;
      this.#carry = Buffer.alloc(0);
    }
    return this.#out;
  }

  /**
   * Where the first whole line starts: after a byte order mark, or the rest of a line too long. -1:
   * not here.
   */
  #startOf(block: Buffer, last: boolean): number {
    if (!this.#bomChecked) {
      if (block.length < 3 && !last) return 0;
      this.#bomChecked = true;
      if (block[0] === 0xef && block[1] === 0xbb && block[2] === 0xbf) return 3;
    }
    if (!this.#skipping) return 0;
    const end = block.indexOf(NEWLINE);
    if (end < 0) return -1;
    this.#skipping = false;
    this.#line++;
    return end + 1;
  }

  /** @returns where the unfinished row starts */
  #split(block: Buffer, from: number, last: boolean): number {
    if (!this.#bomChecked) return from;
    // ASCII blocks, nearly all there are, become one string; its pieces cost no copy.
    const text = isAscii(block) ? block.toString('latin1') : undefined;
    let at = from;
    let quote = nextOf(block, QUOTE, at);
    for (let end = block.indexOf(NEWLINE, at); end >= 0; end = block.indexOf(NEWLINE, at)) {
      if (quote < at) quote = nextOf(block, QUOTE, at);
      if (end - at > this.#lineBytesMax) {
        this.#flaw(`the line is longer than ${this.#lineBytesMax} bytes`, 1);
        at = end + 1;
      } else if (quote > end) {
        this.#plainRow(text ?? block, at, end);
        at = end + 1;
      } else {
        const next = this.#quotedRow(block, at, last);
        if (next < 0) break;
        at = next;
      }
    }
    return at;
  }

  /** @param block as text when it is ASCII */
  #plainRow(block: Buffer | string, start: number, newline: number): void {
    const hasReturn =
      newline > start &&
      (typeof block === 'string' ? block.charCodeAt(newline - 1) : block[newline - 1]) === RETURN;
    const end = hasReturn ? newline - 1 : newline;
    if (end === start) this.#line++;
    else if (typeof block === 'string') this.#add(block.slice(start, end).split(','), 1);
    else {
      const bytes = block.subarray(start, end);
      if (isUtf8(bytes)) this.#add(bytes.toString('utf8').split(','), 1);
      else this.#flaw('the line is not UTF-8', 1);
    }
  }

  /** @returns where the next row starts; -1 when this one goes on in the next block */
  #quotedRow(block: Buffer, start: number, last: boolean): number {
    const end = quotedRowEnd(block, start);
    const held = block.length - start;
    if (end === 'unfinished' && !last && held <= this.#lineBytesMax) return -1;
    if (typeof end === 'string' || end - start > this.#lineBytesMax) {
      this.#flaw(end === 'malformed' ? 'text follows a closing quote' : 'a quote is not closed', 1);
      return block.indexOf(NEWLINE, start) + 1;
    }
    const bytes = block.subarray(start, block[end - 1] === RETURN ? end - 1 : end);
    const lines = countOf(block, start, end + 1);
    if (isUtf8(bytes)) this.#add(splitQuoted(bytes.toString('utf8')), lines);
    else this.#flaw('the line is not UTF-8', lines);
    return end + 1;
  }

  #add(fields: string[], lines: number): void {
    this.#out.rows.push({ line: this.#line, row: this.#row++, fields });
    this.#line += lines;
  }

  #flaw(reason: string, lines: number): void {
    this.#out.flaws.push({ line: this.#line, row: this.#row++, reason });
    this.#line += lines;
  }
}

function nextOf(block: Buffer, byte: number, from: number): number {
  const at = block.indexOf(byte, from);
  return at < 0 ? NONE : at;
}

function countOf(block: Buffer, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if (block[i] === NEWLINE) count++;
  return count;
}

/**
 * The newline that ends the row at `start`. A quote within an unquoted field is a character like
 * others.
 */
function quotedRowEnd(block: Buffer, start: number): number | 'unfinished' | 'malformed' {
  let at = start;
  while (at < block.length) {
    if (block[at] === QUOTE) {
      at = closingQuote(block, at) + 1;
      if (at === 0) return 'unfinished';
      if (block[at] === RETURN && block[at + 1] === NEWLINE) at++;
      if (at < block.length && block[at] !== COMMA && block[at] !== NEWLINE) return 'malformed';
    } else {
      while (at < block.length && block[at] !== COMMA && block[at] !== NEWLINE) at++;
    }
    if (block[at] === NEWLINE) return at;
    at++;
  }
  return 'unfinished';
}

/** The quote that closes the one at `open`: not one of a doubled pair. -1: none. */
function closingQuote(block: Buffer, open: number): number {
  for (let at = block.indexOf(QUOTE, open + 1); at >= 0; at = block.indexOf(QUOTE, at + 2)) {
    if (block[at + 1] !== QUOTE) return at;
  }
  return -1;
}

/** Fields of a row that `quotedRowEnd` has found well formed. */
function splitQuoted(text: string): string[] {
  const fields: string[] = [];
  for (let at = 0; at <= text.length; ) {
    const quoted = text.charCodeAt(at) === QUOTE;
    let end = at;
    if (quoted) {
      for (end = at + 1; end < text.length; end += 2) {
        end = text.indexOf('"', end);
        if (text.charCodeAt(end + 1) !== QUOTE) break;
      }
      fields.push(text.slice(at + 1, end).replaceAll('""', '"'));
      at = end + 2;
    } else {
      end = text.indexOf(',', at);
      if (end < 0) end = text.length;
      fields.push(text.slice(at, end));
      at = end + 1;
    }
  }
  return fields;
}
