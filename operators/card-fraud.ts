/** Card fraud, as one expression. */
import { type Flow, flow, type ParseBatch } from '../src/core/flow.ts';
import { cardVelocity } from './card-velocity.ts';
import { fraudDecisions } from './decide.ts';
import { FEATURE_ORDER } from './features.ts';
import { geoDrift } from './geo-drift.ts';
import { lastMerchant } from './last-merchant.ts';
import type { Payment } from './payment.ts';
import { decodePayments } from './payment-decoder.ts';
import { paymentShape } from './payment-shape.ts';
import { profileFacts } from './profile-facts.ts';
import { recency } from './recency.ts';
import { spendProfile } from './spend-profile.ts';
import { userVelocity } from './user-velocity.ts';
import { ZipTable } from './zips.ts';

/**
 * Of the operators below, with their names, keys and versions: a release that changes any of these
 * raises it by one (README.md). Processes of two levels next to each other may run in one group.
 */
export const STATE_LEVEL = 1;

export interface CardFraudOptions {
  readonly parse: ParseBatch;
  /** The table that comes with Shrike, unless a test brings its own. */
  readonly zips?: ZipTable;
  /** The model's order of the features; the rows that are decided on have it. */
  readonly featureOrder?: readonly string[];
  /** Optional outputs; alerts are always written. */
  readonly outputs?: {
    readonly scored?: boolean;
    readonly features?: boolean;
    readonly prefix?: string;
  };
}

export function cardFraudFlow(options: CardFraudOptions): Flow<Payment> {
  const { parse, outputs = {}, featureOrder = FEATURE_ORDER } = options;
  const zips = options.zips ?? ZipTable.shipped();
  const { scored = true, features = false, prefix = '' } = outputs;
  return flow(decodePayments(parse), STATE_LEVEL)
    .keyBy({ user: (payment) => payment.user, card: (payment) => payment.card }, eventMinute)
    .apply(userVelocity)
    .apply(cardVelocity)
    .apply(spendProfile)
    .apply(recency)
    .apply(lastMerchant)
    .apply(geoDrift(zips))
    .enrich(paymentShape)
    .enrich(profileFacts(zips))
    .score()
    .decide(fraudDecisions({ featureOrder, scored, features, prefix }));
}

const eventMinute = (payment: Payment) => payment.minute;
