/**
 * The live list of alerts, newest first. It holds still while someone reads it (a row is open, the
 * pointer or the keyboard focus is on it): what comes meanwhile waits behind a button.
 */
import type { AlertRecord } from '../src/core/status.ts';
import { alertDetail } from './alert-detail.ts';
import { byId, element } from './dom.ts';
import { formatClock, formatDollars, formatEventMinute, UNKNOWN } from './format.ts';

const ROWS_MAX = 100;

interface Row {
  readonly alert: AlertRecord;
  readonly node: HTMLElement;
}

export class AlertFeed {
  readonly #list = byId('alert-list');
  readonly #more = byId('alerts-waiting');
  readonly #known = new Set<string>();
  #rows: Row[] = [];
  #waiting: AlertRecord[] = [];

  constructor() {
    this.#more.addEventListener('click', () => this.#release());
    for (const event of ['pointerleave', 'focusout', 'toggle']) {
      // Later, when the document shows what the event has led to. `toggle` does not bubble.
      this.#list.addEventListener(event, () => setTimeout(() => this.#settle()), true);
    }
  }

  /** In any order, and with repetitions: a new connection brings alerts that are here already. */
  add(alerts: readonly AlertRecord[]): void {
    for (const alert of alerts) {
      const name = `${alert.partition}/${alert.offset}`;
      if (this.#known.has(name)) continue;
      this.#known.add(name);
      this.#waiting.push(alert);
    }
    this.#waiting.sort((a, b) => b.timestampMs - a.timestampMs);
    for (const { partition, offset } of this.#waiting.splice(ROWS_MAX)) {
      this.#known.delete(`${partition}/${offset}`);
    }
    this.#settle();
  }

  #settle(): void {
    if (this.#waiting.length > 0 && !this.#isRead()) return this.#release();
    this.#more.hidden = this.#waiting.length === 0;
    this.#more.textContent = `Show ${this.#waiting.length} new`;
  }

  #isRead(): boolean {
    if (this.#rows.length === 0) return false;
    return (
      this.#list.matches(':hover') ||
      this.#list.contains(document.activeElement) ||
      this.#list.querySelector('details[open]') !== null
    );
  }

  #release(): void {
    // What was there when the page opened is no news.
    const isNews = this.#rows.length > 0;
    for (const alert of this.#waiting.reverse()) {
      this.#insert(alert).classList.toggle('arrived', isNews);
    }
    this.#waiting = [];
    for (const { alert, node } of this.#rows.splice(ROWS_MAX)) {
      node.remove();
      this.#known.delete(`${alert.partition}/${alert.offset}`);
    }
    byId('alerts-empty').hidden = this.#rows.length > 0;
    this.#more.hidden = true;
  }

  #insert(alert: AlertRecord): HTMLElement {
    const older = this.#rows.findIndex((row) => row.alert.timestampMs <= alert.timestampMs);
    const at = older < 0 ? this.#rows.length : older;
    const node = rowOf(alert);
    this.#list.insertBefore(node, this.#rows[at]?.node ?? null);
    this.#rows.splice(at, 0, { alert, node });
    return node;
  }
}

function rowOf(alert: AlertRecord): HTMLElement {
  const details = element('details', {}, element('summary', {}, line(alert)));
  details.addEventListener(
    'toggle',
    () => details.append(alertDetail(alert.value)), // made when it is wanted: most stay closed
    { once: true },
  );
  return element('li', {}, details);
}

function line({ value, timestampMs }: AlertRecord): HTMLElement {
  const cell = (name: string, text: string, title = '') =>
    element('span', { class: name, ...(title === '' ? {} : { title }) }, text);
  const label = element('span', { class: 'spoken' }, 'score');
  const bar = scoreBar(value.score);
  const score = element('span', { class: 'score' }, bar, label, scoreText(value));
  return element(
    'span',
    { class: 'alert-line' },
    cell('when', eventTime(value), `arrived ${formatClock(timestampMs)}`),
    cell('who', `User ${text(value.user)} · card ${text(value.card)}`),
    cell('amount', typeof value.amount === 'number' ? formatDollars(value.amount) : UNKNOWN),
    cell('where', placeOf(value)),
    cell('merchant', text(value.merchant_name), `merchant category ${text(value.mcc)}`),
    score,
  );
}

function scoreText({ score }: AlertRecord['value']): string {
  return typeof score === 'number' ? score.toFixed(3) : UNKNOWN;
}

function scoreBar(score: unknown): HTMLElement {
  const bar = element('span', { class: 'bar', 'aria-hidden': 'true' });
  bar.style.setProperty('--share', String(typeof score === 'number' ? score : 0));
  return bar;
}

function eventTime({ event_time: time, t }: AlertRecord['value']): string {
  if (typeof time === 'string') return time.slice(0, 16).replace('T', ' ');
  return typeof t === 'number' ? formatEventMinute(t) : UNKNOWN;
}

function placeOf({ merchant_city: city, merchant_state: state }: AlertRecord['value']): string {
  const parts = [city, state].filter((part) => typeof part === 'string' && part !== '');
  return parts.length === 0 ? UNKNOWN : parts.join(', ');
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : UNKNOWN;
}
