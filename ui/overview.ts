/** The top of the page: what runs, whether it is well, and its figures. */
import type { StatusSnapshot } from '../src/core/status.ts';
import { byId, element, setText, setTone, type Tone } from './dom.ts';
import { formatCount, formatNumber, formatSeconds, UNKNOWN } from './format.ts';

interface Figure {
  readonly label: string;
  readonly value: (status: StatusSnapshot) => string;
  /** A second, smaller line. */
  readonly note: (status: StatusSnapshot) => string;
  readonly tone?: (status: StatusSnapshot) => Tone;
}

const ms = (value: number | null) => (value === null ? UNKNOWN : `${formatNumber(value)} ms`);

const FIGURES: readonly Figure[] = [
  {
    label: 'Payments per second',
    value: (s) => formatNumber(s.paymentsPerSecond),
    note: (s) => `${formatCount(s.totals.records)} in all`,
  },
  { label: 'Latency p50', value: (s) => ms(s.latencyMs.p50), note: () => 'record to commit' },
  { label: 'Latency p99', value: (s) => ms(s.latencyMs.p99), note: () => 'record to commit' },
  {
    label: 'Alerts',
    value: (s) => formatCount(s.totals.alerts),
    note: (s) =>
      s.totals.records === 0
        ? 'none scored yet'
        : `${formatNumber((s.totals.alerts / s.totals.records) * 10_000)} per 10,000`,
  },
  {
    label: 'Lag',
    value: (s) => formatSeconds(s.lag.seconds),
    note: (s) => `${formatCount(s.lag.records)} records`,
    tone: (s) => (s.lag.seconds > 30 ? 'busy' : 'idle'),
  },
  {
    label: 'Last checkpoint',
    value: (s) =>
      s.checkpointAgeSeconds === null ? 'none yet' : formatSeconds(s.checkpointAgeSeconds),
    note: (s) => `${formatCount(s.totals.checkpoints)} sealed`,
  },
  {
    label: 'Dead letters',
    value: (s) => formatCount(s.totals.deadLetters),
    note: () => 'unreadable records',
    tone: (s) => (s.totals.deadLetters > 0 ? 'busy' : 'idle'),
  },
];

export class Overview {
  readonly #cells = FIGURES.map((figure) => {
    const value = element('dd', { class: 'figure-value' }, UNKNOWN);
    const note = element('dd', { class: 'figure-note' });
    const cell = element('div', { class: 'figure' }, element('dt', {}, figure.label), value, note);
    return { figure, cell, value, note };
  });
  #problems = '';

  constructor() {
    byId('figures').replaceChildren(...this.#cells.map(({ cell }) => cell));
  }

  show(status: StatusSnapshot): void {
    setText(byId('application'), status.application);
    setText(byId('model'), status.modelId);
    setText(byId('version'), status.version);
    setText(byId('uptime'), formatSeconds((status.atMs - status.startedAtMs) / 1000));
    for (const { figure, cell, value, note } of this.#cells) {
      setText(value, figure.value(status));
      setText(note, figure.note(status));
      setTone(cell, figure.tone?.(status) ?? 'idle');
    }
    const readiness = readinessOf(status);
    setText(byId('readiness'), readiness.text);
    setTone(byId('readiness'), readiness.tone);
    this.#showProblems(status.problems);
  }

  /** The connection is lost: what is shown is the past. */
  showAway(): void {
    setText(byId('readiness'), 'Connection lost');
    setTone(byId('readiness'), 'bad');
  }

  #showProblems(problems: readonly string[]): void {
    const joined = problems.join('\n');
    if (joined === this.#problems) return;
    this.#problems = joined;
    const list = byId('problems');
    list.replaceChildren(...problems.map((problem) => element('li', {}, problem)));
    list.hidden = problems.length === 0;
  }
}

function readinessOf({ ready, problems }: StatusSnapshot): { text: string; tone: Tone } {
  if (problems.length > 0) {
    return {
      text: problems.length === 1 ? '1 problem' : `${problems.length} problems`,
      tone: 'bad',
    };
  }
  return ready ? { text: 'Ready', tone: 'good' } : { text: 'Catching up', tone: 'busy' };
}
