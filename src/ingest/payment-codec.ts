/**
 * A payment as it rests while payments are sorted: about 60 bytes.
 *   u32 user   u32 card   f64 cents   u16 mcc   u8 flags   texts, separated by 0x1f
 * flags: bits 0-1 use chip, bits 2-3 is fraud (2: not labelled). Date and time are the sort's
 * minute.
 */
import type { Payment } from './clean.ts';
import type { SortCodec } from './sort-codec.ts';

const FIXED_BYTES = 19;
/** Cleaned texts hold no control characters. */
const SEPARATOR = '\u001f';

export const paymentCodec: SortCodec<Payment> = {
  minute: (payment) => payment.eventMinute,

  bytesMax(payment) {
    const { merchantName, merchantCity, merchantState, zip, errors } = payment;
    const units = merchantName.length + merchantCity.length + merchantState.length;
    // UTF-8 takes 3 bytes at the most for each UTF-16 unit.
    return FIXED_BYTES + 3 * (units + zip.length + errors.length + 4);
  },

  write(payment, into, at) {
    into.writeUInt32LE(payment.user, at);
    into.writeUInt32LE(payment.card, at + 4);
    into.writeDoubleLE(payment.cents, at + 8);
    into.writeUInt16LE(payment.mcc, at + 16);
    into[at + 18] = payment.useChip | ((payment.isFraud ?? 2) << 2);
    const texts =
      payment.merchantName +
      SEPARATOR +
      payment.merchantCity +
      SEPARATOR +
      payment.merchantState +
      SEPARATOR +
      payment.zip +
      SEPARATOR +
      payment.errors;
    return at + FIXED_BYTES + into.write(texts, at + FIXED_BYTES, 'utf8');
  },

  read(minute, from, at, end) {
    const texts = from.toString('utf8', at + FIXED_BYTES, end).split(SEPARATOR);
    const flags = from[at + 18] as number;
    const fraud = flags >> 2;
    return {
      user: from.readUInt32LE(at),
      card: from.readUInt32LE(at + 4),
      eventMinute: minute,
      cents: from.readDoubleLE(at + 8),
      useChip: flags & 3,
      merchantName: texts[0] as string,
      merchantCity: texts[1] as string,
      merchantState: texts[2] as string,
      zip: texts[3] as string,
      mcc: from.readUInt16LE(at + 16),
      errors: texts[4] as string,
      isFraud: fraud === 2 ? undefined : (fraud as 0 | 1),
    };
  },
};
