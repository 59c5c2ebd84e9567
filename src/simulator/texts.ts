/** Payments as text: the JSON of the topic, and rows of the raw files. */
import type { Payment } from './payments.ts';
import type { CardProfile, UserProfile } from './profiles.ts';

const DAY_MINUTES = 1440;
const TIMES = Array.from({ length: DAY_MINUTES }, (_, m) => {
  const [hour, minute] = [Math.floor(m / 60), m % 60];
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
});

const timeOf = (payment: Payment) => TIMES[payment.minute % DAY_MINUTES] as string;

/** The value of a record of the topic `transactions`. No text in it needs escaping. */
export function paymentJson(payment: Payment): string {
  return (
    `{"idx":${payment.idx},"user":${payment.user},"card":${payment.card},` +
    `"year":${payment.year},"month":${payment.month},"day":${payment.dayOfMonth},` +
    `"time":"${timeOf(payment)}","amount":${payment.cents / 100},` +
    `"use_chip":"${payment.useChip}","merchant_name":"${payment.merchantName}",` +
    `"merchant_city":"${payment.city}","merchant_state":"${payment.state}",` +
    `"zip":"${payment.zip}","mcc":${payment.mcc},"errors":"${payment.errors}",` +
    `"is_fraud":${payment.fraud ? 1 : 0}}`
  );
}

export const PAYMENTS_HEADER =
  'User,Card,Year,Month,Day,Time,Amount,Use Chip,Merchant Name,Merchant City,Merchant State,' +
  'Zip,MCC,Errors?,Is Fraud?';
export const CARDS_HEADER =
  'User,CARD INDEX,Card Brand,Card Type,Card Number,Expires,CVV,Has Chip,Cards Issued,' +
  'Credit Limit,Acct Open Date,Year PIN last Changed,Card on Dark Web';
export const USERS_HEADER =
  'Person,Current Age,Retirement Age,Birth Year,Birth Month,Gender,Address,Apartment,City,State,' +
  'Zipcode,Latitude,Longitude,Per Capita Income - Zipcode,Yearly Income - Person,Total Debt,' +
  'FICO Score,Num Credit Cards';

/**
 * A line of `credit_card_transactions.csv` (v2 form). A zip code is a float there, without its
 * zeros.
 */
export function paymentLine(payment: Payment): string {
  const { user, card, year, month, dayOfMonth, cents, errors } = payment;
  const zip = payment.zip === '' ? '' : `${Number(payment.zip)}.0`;
  const quoted = errors.includes(',') ? `"${errors}"` : errors;
  return (
    `${user},${card},${year},${month},${dayOfMonth},${timeOf(payment)},` +
    `$${(cents / 100).toFixed(2)},${payment.useChip},${payment.merchantName},` +
    `${payment.city},${payment.state},${zip},${payment.mcc},${quoted},` +
    (payment.fraud ? 'Yes' : 'No')
  );
}

export function cardLine(card: CardProfile): string {
  return [
    ...[card.user, card.card, card.brand, card.type, card.number, card.expires, card.cvv],
    ...[card.hasChip ? 'YES' : 'NO', card.cardsIssued, `$${card.creditLimit}`, card.opened],
    ...[card.pinYear, card.onDarkWeb ? 'Yes' : 'No'],
  ].join(',');
}

/** A line of `sd254_users.csv`; the line's number is the user id. */
export function userLine(user: UserProfile): string {
  return [
    ...[user.person, user.age, user.retirementAge, user.birthYear, user.birthMonth, user.gender],
    ...[user.address, user.apartment, user.city, user.state, Number(user.zip)],
    ...[user.latitude, user.longitude, `$${user.incomePerCapita}`, `$${user.yearlyIncome}`],
    ...[`$${user.totalDebt}`, user.ficoScore, user.cards],
  ].join(',');
}
