/**
 * The values that a loader puts into the log, byte for byte as the workload's specification has
 * them.
 */
import { type Card, type Payment, USE_CHIP, type User } from './clean.ts';
import { dateOfMinute, timeOfMinute } from './event-date.ts';

/** `134.09`, `-99.00`. */
export function amountText(cents: number): string {
  const size = Math.abs(cents);
  const rest = size % 100;
  return `${cents < 0 ? '-' : ''}${(size - rest) / 100}.${rest < 10 ? '0' : ''}${rest}`;
}

/** @param idx position in the global event-time order */
export function paymentJson(idx: number, payment: Payment): string {
  const { year, month, day } = dateOfMinute(payment.eventMinute);
  return (
    `{"idx":${idx},"user":${payment.user},"card":${payment.card},"year":${year},"month":${month}` +
    `,"day":${day},"time":"${timeOfMinute(payment.eventMinute)}"` +
    `,"amount":${amountText(payment.cents)},"use_chip":"${USE_CHIP[payment.useChip]}"` +
    `,"merchant_name":"${payment.merchantName}","merchant_city":${quote(payment.merchantCity)}` +
    `,"merchant_state":${quote(payment.merchantState)},"zip":"${payment.zip}"` +
    `,"mcc":${payment.mcc},"errors":${quote(payment.errors)}` +
    `,"is_fraud":${payment.isFraud ?? null}}`
  );
}

/** No card number, no CVV: they never reach the log. */
export function cardJson(card: Card): string {
  return (
    `{"user":${card.user},"card":${card.cardIndex},"credit_limit":${card.creditLimitCents / 100}` +
    `,"card_on_dark_web":${card.cardOnDarkWeb === 1}` +
    `,"year_pin_last_changed":${card.yearPinLastChanged}}`
  );
}

export function userJson(user: User): string {
  return (
    `{"user":${user.user},"latitude":${Number(user.latitude)},"longitude":${Number(user.longitude)}` +
    `,"fico_score":${user.ficoScore},"total_debt":${user.totalDebtCents / 100}` +
    `,"yearly_income":${user.yearlyIncomeCents / 100}}`
  );
}

/** Cleaned texts hold no control characters, so only quotes and backslashes need escaping. */
function quote(text: string): string {
  return text.includes('"') || text.includes('\\') ? JSON.stringify(text) : `"${text}"`;
}
