/** What the entries wire. */
export { cardFraudFlow } from './card-fraud.ts';
export { ALERTS_TOPIC, FEATURES_TOPIC, SCORED_TOPIC } from './decide.ts';
export { FEATURE_ORDER, FEATURE_SET } from './features.ts';
export type { Payment } from './payment.ts';
export { decodePayments } from './payment-decoder.ts';
export { readPaymentUsers } from './payment-user.ts';
export { CardUserProfiles } from './profiles.ts';
export { ZipTable } from './zips.ts';
