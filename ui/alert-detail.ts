/** What stands behind an alert: remarks, every feature in its group, and what decided. */
import { element } from './dom.ts';
import { type FeatureWords, GROUPS, wordsOf } from './features.ts';

type Value = Readonly<Record<string, unknown>>;

interface Shown {
  readonly name: string;
  readonly value: number;
  readonly words: FeatureWords;
  readonly remark: string | undefined;
}

export function alertDetail(value: Value): HTMLElement {
  const features = featuresOf(value);
  return element('div', { class: 'detail' }, remarks(features), groups(features), origin(value));
}

function featuresOf({ features }: Value): readonly Shown[] {
  if (typeof features !== 'object' || features === null) return [];
  return Object.entries(features).flatMap(([name, value]) => {
    if (typeof value !== 'number') return [];
    const words = wordsOf(name);
    return [{ name, value, words, remark: words.remark?.(value) }];
  });
}

function remarks(features: readonly Shown[]): HTMLElement {
  const items = features.flatMap(({ remark }) =>
    remark === undefined ? [] : [element('li', {}, remark)],
  );
  if (items.length > 0) return element('ul', { class: 'remarks' }, ...items);
  const none =
    features.length === 0
      ? 'This alert carries no features.'
      : 'No single feature stands out; the score comes from how they combine.';
  return element('p', { class: 'muted' }, none);
}

function groups(features: readonly Shown[]): HTMLElement {
  const sections = GROUPS.flatMap((group) => {
    const members = features.filter(({ words }) => words.group === group);
    if (members.length === 0) return [];
    const list = element('dl', {}, ...members.map(row));
    return [element('section', {}, element('h3', {}, group), list)];
  });
  return element('div', { class: 'groups' }, ...sections);
}

function row({ name, value, words, remark }: Shown): HTMLElement {
  const attributes = { class: remark === undefined ? 'feature' : 'feature unusual', title: name };
  const shown = element('dd', {}, words.format(value));
  return element('div', attributes, element('dt', {}, words.label), shown);
}

/** Everything that is needed to compute the decision again. */
function origin(value: Value): HTMLElement {
  const facts: readonly [string, unknown][] = [
    ['Alert', value.id],
    ['Payment', value.idx],
    ['Score', value.score],
    ['Threshold', value.threshold],
    ['Model', value.model],
    ['Feature set', value.feature_set],
    ['Profiles', value.profiles],
    ['Merchant', value.merchant_name],
    ['How', value.use_chip],
    ['Errors', value.errors],
  ];
  const rows = facts.flatMap(([label, fact]) => {
    const text = plain(fact);
    if (text === '') return [];
    return [element('div', {}, element('dt', {}, label), element('dd', {}, text))];
  });
  return element('dl', { class: 'origin' }, ...rows);
}

/** `{"user":3,"card":null}` -> `user 3, card none`; '' for what is not there. */
function plain(fact: unknown): string {
  if (fact === undefined || fact === null) return '';
  // Seven digits: what a float32 score holds, without the noise behind them.
  if (typeof fact === 'number')
    return String(Number.isInteger(fact) ? fact : Number(fact.toPrecision(7)));
  if (typeof fact === 'string') return fact;
  if (typeof fact !== 'object') return JSON.stringify(fact);
  return Object.entries(fact)
    .map(([name, value]) => `${name} ${plain(value) || 'none'}`)
    .join(', ');
}
