/** The table of partitions: where each one stands. */
import type { Phase } from '../src/core/phase.ts';
import type { StatusSnapshot } from '../src/core/status.ts';
import { byId, element, setText, setTone, type Tone } from './dom.ts';
import { formatCount, formatNumber, formatPercent, formatSeconds, UNKNOWN } from './format.ts';

type Row = StatusSnapshot['partitions'][number];

interface Column {
  readonly title: string;
  /** What the title leaves out. */
  readonly about?: string;
  readonly text?: true;
  readonly value: (row: Row, atMs: number) => string;
  readonly tone?: (row: Row) => Tone;
}

const PHASE_TONE: Readonly<Record<Phase, Tone>> = {
  live: 'good',
  assigned: 'busy',
  restoring: 'busy',
  replaying: 'busy',
  recovering: 'busy',
  closing: 'idle',
  closed: 'idle',
  failed: 'bad',
};

const COLUMNS: readonly Column[] = [
  { title: 'Partition', value: (row) => String(row.partition) },
  { title: 'Worker', value: (row) => String(row.worker) },
  {
    title: 'Phase',
    text: true,
    value: (row) => row.phase,
    tone: (row) => PHASE_TONE[row.phase],
  },
  { title: 'Next', about: 'next offset to step', value: (row) => formatCount(row.nextOffset) },
  {
    title: 'Committed',
    about: 'next offset whose outputs are visible',
    value: (row) => formatCount(row.committedOffset),
  },
  { title: 'Lag', about: 'records not committed yet', value: (row) => formatCount(row.lagRecords) },
  {
    title: 'Checkpoint',
    about: 'next offset of the newest sealed checkpoint',
    value: (row) => (row.checkpoint.sealedAtMs > 0 ? formatCount(row.checkpoint.offset) : 'none'),
  },
  {
    title: 'Age',
    about: 'since that checkpoint was sealed',
    value: ({ checkpoint }, atMs) =>
      checkpoint.sealedAtMs > 0
        ? formatSeconds(Math.max(0, Math.round((atMs - checkpoint.sealedAtMs) / 1000)))
        : UNKNOWN,
  },
  {
    title: 'Pause',
    about: 'longest hold-up by a snapshot',
    value: (row) => `${formatNumber(row.checkpoint.pauseMsMax)} ms`,
  },
  {
    title: 'Cache hits',
    about: 'actors found in memory',
    value: ({ cache: { hits, misses } }) =>
      hits + misses === 0 ? UNKNOWN : formatPercent(hits / (hits + misses)),
  },
  { title: 'Recoveries', value: (row) => formatCount(row.recoveries) },
];

export class PartitionTable {
  /** Cells by row and column; rows are kept from second to second. */
  readonly #cells: HTMLTableCellElement[][] = [];
  readonly #body: HTMLElement;

  constructor() {
    const [head, body] = byId('partitions').children;
    if (!(head instanceof HTMLElement && body instanceof HTMLElement)) {
      throw new Error('the table #partitions has a head and a body');
    }
    this.#body = body;
    const titles = COLUMNS.map(({ title, about, text }) => {
      const attributes = { scope: 'col', class: text ? '' : 'num', title: about ?? title };
      return element('th', attributes, title);
    });
    head.replaceChildren(element('tr', {}, ...titles));
  }

  show({ partitions, atMs }: StatusSnapshot): void {
    this.#resize(partitions.length);
    for (const [i, row] of partitions.entries()) {
      for (const [k, column] of COLUMNS.entries()) {
        const cell = this.#cells[i]?.[k];
        if (cell === undefined) continue;
        setText(cell, column.value(row, atMs));
        if (column.tone !== undefined) setTone(cell, column.tone(row));
      }
    }
    const live = partitions.filter(({ phase }) => phase === 'live').length;
    const summary = `${live} of ${partitions.length} live`;
    setText(byId('partitions-summary'), summary);
  }

  #resize(count: number): void {
    while (this.#cells.length > count) {
      this.#cells.pop();
      this.#body.lastElementChild?.remove();
    }
    while (this.#cells.length < count) {
      const cells = COLUMNS.map(({ text, tone }) =>
        element('td', { class: `${text ? '' : 'num'} ${tone === undefined ? '' : 'toned'}` }),
      );
      this.#cells.push(cells);
      this.#body.append(element('tr', {}, ...cells));
    }
  }
}
