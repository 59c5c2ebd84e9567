/** What `run --source simulate` and `simulate` take alike. */
import { ShrikeError } from '../core/errors.ts';

/** For `npm start`: enough fraud that somebody who looks on sees it. */
export const DEMO = { users: 2000, fraudRate: 0.004 } as const;

/** Beyond it bursts would touch each other. */
const FRAUD_RATE_MAX = 0.03;

export function rateOf(text: string): number | 'max' {
  const rate = Number(text);
  if (text === 'max') return 'max';
  if (rate > 0 && Number.isFinite(rate)) return rate;
  throw new ShrikeError('USAGE', `--rate is a number above 0, or max, not ${JSON.stringify(text)}`);
}

export function fraudRateOf(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= FRAUD_RATE_MAX) return share;
  throw new ShrikeError(
    'USAGE',
    `--fraud-rate is a share from 0 to ${FRAUD_RATE_MAX}, not ${JSON.stringify(text)}`,
  );
}
