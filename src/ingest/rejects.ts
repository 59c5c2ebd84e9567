/** Rows that cannot be used: reported one by one, counted, and too many of them stop the work. */
import { type ErrorCode, ShrikeError } from '../core/errors.ts';
import { TextFile } from './text-file.ts';

export interface Reject {
  readonly file: string;
  readonly line: number;
  /** Undefined where the whole line is unreadable. */
  readonly column: string | undefined;
  readonly code: ErrorCode;
  /** Never holds a card number. */
  readonly reason: string;
}

export interface RejectSink {
  add(reject: Reject): void;
  /** Called between blocks of rows. */
  flush(): Promise<void>;
}

/** Rejects allowed in a file when no limit is given: 1 %, and 100 in any case. */
const SHARE_MAX = 0.01;
const COUNT_MIN = 100;

/** Counts one file's rows and rejects. */
export class RejectTally {
  readonly #file: string;
  readonly #sink: RejectSink;
  readonly #rejectsMax: number | undefined;
  rows = 0;
  rejects = 0;

  /** @param rejectsMax undefined: 1 % of the rows read so far, or 100 if that is more */
  constructor(options: { file: string; sink: RejectSink; rejectsMax?: number | undefined }) {
    this.#file = options.file;
    this.#sink = options.sink;
    this.#rejectsMax = options.rejectsMax;
  }

  add(reject: Omit<Reject, 'file'>): void {
    this.rejects++;
    this.#sink.add({ file: this.#file, ...reject });
  }

  /** After each block. @throws CSV_TOO_MANY_REJECTS */
  async check(): Promise<void> {
    await this.#sink.flush();
    const all = this.rows + this.rejects;
    const max = this.#rejectsMax ?? Math.max(COUNT_MIN, Math.floor(all * SHARE_MAX));
    if (this.rejects <= max) return;
    throw new ShrikeError(
      'CSV_TOO_MANY_REJECTS',
      `${this.rejects} of the first ${all} rows of ${this.#file} cannot be used (limit ${max})`,
    );
  }
}

/**
 * `file,line,code,reason`, one reject a line. What was written stays when the work fails: it says
 * why.
 */
export class RejectsFile implements RejectSink {
  readonly #out: TextFile;
  count = 0;

  private constructor(out: TextFile) {
    this.#out = out;
  }

  /** @throws DATA_DIR_UNWRITABLE, DISK_FULL */
  static async create(path: string): Promise<RejectsFile> {
    const out = await TextFile.create(path);
    out.add('file,line,code,reason\n');
    return new RejectsFile(out);
  }

  add({ file, line, code, reason }: Reject): void {
    this.count++;
    this.#out.add(`${csvField(file)},${line},${code},${csvField(reason)}\n`);
  }

  async flush(): Promise<void> {
    await this.#out.flushWhenLarge();
  }

  async close(): Promise<void> {
    await this.#out.finish();
  }
}

export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
