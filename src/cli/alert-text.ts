/** One alert for a person: what was paid, what stands out, and all that decided. */
import type { AlertRecord } from '../core/status.ts';
import { short, unusualFeatures } from './unusual-features.ts';

const FEATURES_PER_LINE = 4;

export function alertText({ value }: AlertRecord): string {
  const text = (name: string) => {
    const fact = value[name] ?? '';
    return typeof fact === 'string' ? fact : JSON.stringify(fact);
  };
  const number = (name: string) => Number(value[name]);
  const features = (value.features ?? {}) as Readonly<Record<string, number>>;
  const unusual = unusualFeatures(features);
  const place = [text('merchant_city'), text('merchant_state')].filter((part) => part !== '');
  const errors = text('errors') === '' ? '' : `, ${text('errors')}`;
  return [
    `${text('event_time')}  user ${text('user')}, card ${text('card')}  ` +
      `$${number('amount').toFixed(2)}  score ${short(number('score'))}`,
    `  ${text('use_chip')}, merchant ${text('merchant_name')}, ${place.join(', ')}, ` +
      `category ${text('mcc')}${errors}`,
    ...(unusual.length > 0 ? unusual : ['no single feature stands out']).map((one) => `  ! ${one}`),
    ...featureLines(features),
    `  alert ${text('id')}, payment ${text('idx')}, model ${text('model')}, ` +
      `feature set ${text('feature_set')}, threshold ${text('threshold')}, ` +
      `profiles ${JSON.stringify(value.profiles ?? {})}`,
  ].join('\n');
}

function featureLines(features: Readonly<Record<string, number>>): readonly string[] {
  const pairs = Object.entries(features).map(([name, value]) => `${name} ${short(value)}`);
  const lines: string[] = [];
  for (let i = 0; i < pairs.length; i += FEATURES_PER_LINE) {
    lines.push(`    ${pairs.slice(i, i + FEATURES_PER_LINE).join('  ')}`);
  }
  return lines;
}
