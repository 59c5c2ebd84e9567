/**
 * A CSV file as rows whose fields stand in the order of the wanted columns, whatever the file's
 * order.
 */
import { ShrikeError } from '../core/errors.ts';
import { matchHeader } from './csv-header.ts';
import { type CsvFlaw, type CsvRow, type CsvRows, CsvSplitter } from './csv-rows.ts';
import { fileBytes, isReadTwice, readBlocks } from './csv-source.ts';

const LINE_FEED = 10;

export interface CsvBlock extends CsvRows {
  /** Bytes of the file read so far, and all there are (0: unknown). */
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface CsvOptions {
  readonly file: string;
  /** Names in the header. Others are left out. */
  readonly columns: readonly string[];
  readonly lineBytesMax?: number | undefined;
}

/**
 * `fields[i]` of a row is the field of `columns[i]`; a row with more or fewer fields than the
 * header is a flaw.
 * @throws CSV_MISSING, CSV_UNREADABLE, CSV_EMPTY, CSV_HEADER
 */
export async function* readCsv(options: CsvOptions): AsyncGenerator<CsvBlock> {
  const { file, columns } = options;
  const bytesTotal = await fileBytes(file);
  const splitter = new CsvSplitter(options.lineBytesMax);
  let places: Places | undefined;
  let bytes = 0;
  const arranged = (split: CsvRows): CsvBlock | undefined => {
    if (places === undefined) {
      const header = takeHeader(file, split);
      if (header === undefined) return undefined;
      places = { width: header.length, of: matchHeader(file, header, columns) };
    }
    return { ...arrange(split, places), bytes, bytesTotal };
  };
  let isCutOff = false;
  for await (const block of readBlocks(file)) {
    bytes = block.position;
    isCutOff = block.bytes.at(-1) !== LINE_FEED;
    const rows = arranged(splitter.push(block.bytes));
    if (rows !== undefined) yield rows;
  }
  const rest = arranged(splitter.end());
  if (rest === undefined) throw new ShrikeError('CSV_EMPTY', `${file} is empty`);
  yield isCutOff ? sayingCutOff(rest) : rest;
}

/** Reads the header and nothing more; of a pipe not even that. @throws as `readCsv` does */
export async function checkHeader(file: string, columns: readonly string[]): Promise<void> {
  if (!(await isReadTwice(file))) return;
  const blocks = readCsv({ file, columns });
  await blocks.next();
  await blocks.return(undefined);
}

/** A last line without an end, and with a flaw: the rest of the file is probably missing. */
function sayingCutOff(block: CsvBlock): CsvBlock {
  const flaw = block.flaws.at(-1);
  if (flaw === undefined || flaw.row < (block.rows.at(-1)?.row ?? -1)) return block;
  const reason = `${flaw.reason}; the file ends in this line: is it cut off?`;
  return { ...block, flaws: [...block.flaws.slice(0, -1), { ...flaw, reason }] };
}

interface Places {
  readonly width: number;
  /** Place in the file of each wanted column. */
  readonly of: readonly number[];
}

function takeHeader(file: string, split: CsvRows): readonly string[] | undefined {
  const flaw = split.flaws[0];
  if (flaw?.row === -1) {
    throw new ShrikeError(
      'CSV_HEADER',
      `${file} has no header in line ${flaw.line}: ${flaw.reason}`,
    );
  }
  return split.rows.shift()?.fields;
}

function arrange(split: CsvRows, places: Places): CsvRows {
  const { width, of } = places;
  const inOrder = of.length === width && of.every((place, i) => place === i);
  if (inOrder && split.rows.every((row) => row.fields.length === width)) return split;
  const rows: CsvRow[] = [];
  const flaws: CsvFlaw[] = [...split.flaws];
  for (const { line, row, fields } of split.rows) {
    if (fields.length === width) {
      rows.push({ line, row, fields: of.map((place) => fields[place] as string) });
    } else {
      flaws.push({ line, row, reason: `${fields.length} fields where the header has ${width}` });
    }
  }
  return { rows, flaws: flaws.sort((a, b) => a.line - b.line) };
}
