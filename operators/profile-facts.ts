/** What a payment tells together with what is known of its card and its user. */
import type { Enricher } from '../src/core/operator.ts';
import type { Payment } from './payment.ts';
import type { PaymentProfile } from './profiles.ts';
import type { ZipTable } from './zips.ts';

export function profileFacts(zips: ZipTable): Enricher<Payment, PaymentProfile> {
  return {
    name: 'profile_facts',
    features: [
      'km_from_home',
      'amount_to_limit',
      'fico',
      'debt_to_income',
      'card_on_dark_web',
      'years_since_pin_change',
    ],

    enrich({ amount, year, zip }, profile, out) {
      const km = zips.kmFrom(profile.home, zip);
      const { creditLimit, pinYear } = profile;
      out.set(0, Number.isNaN(km) ? -1 : km);
      out.set(1, creditLimit === 0 ? -1 : amount / creditLimit);
      out.set(2, profile.fico);
      out.set(3, profile.debtToIncome);
      out.set(4, profile.cardOnDarkWeb);
      out.set(5, Number.isNaN(pinYear) ? -1 : year - pinYear);
    },
  };
}
