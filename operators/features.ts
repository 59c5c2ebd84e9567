/** The feature row of R1: the order in which a model gets it. */

/** Feature k of the specification is FEATURE_ORDER[k]. */
export const FEATURE_ORDER = [
  'amount',
  'log_amount',
  'hour',
  'day_of_week',
  'is_chip',
  'is_swipe',
  'is_online',
  'has_error',
  'bad_auth',
  'card_count_1h',
  'card_sum_1h',
  'card_count_24h',
  'card_sum_24h',
  'card_count_7d',
  'card_sum_7d',
  'card_amount_mean',
  'card_amount_z',
  'minutes_since_last',
  'same_merchant_as_last',
  'merchant_seen',
  'geo_km_from_last',
  'geo_kmh',
  'km_from_home',
  'user_count_1h',
  'user_sum_24h',
  'user_cards_24h',
  'amount_to_limit',
  'fico',
  'debt_to_income',
  'card_on_dark_web',
  'years_since_pin_change',
  'mcc',
] as const;

/**
 * Goes out with every alert. Change it when a feature changes its meaning, the table of zip codes
 * included: it must name what was computed, so that a decision can be recomputed.
 */
export const FEATURE_SET = 'r1-1';
