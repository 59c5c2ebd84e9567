/**
 * Payments from records: read in place where the record is plain JSON, through the codec where it
 * is not.
 */
import type { Decode, Decoded, ParseBatch, Reject } from '../src/core/flow.ts';
import type { PackedRecords } from '../src/core/records.ts';
import { type Payment, readPayment } from './payment.ts';
import { PaymentPool, PaymentTexts } from './payment-text.ts';

/** A reject names the field, its value and what is allowed. */
export function decodePayments(parse: ParseBatch): Decode<Payment> {
  const pool = new PaymentPool();
  const decode = (records: PackedRecords, first: number): Decoded<Payment> => {
    const events = new Array<Payment | undefined>(records.count);
    const texts = new PaymentTexts(records, pool);
    let isAllPlain = true;
    for (let i = first; i < records.count; i++) {
      const payment = texts.of(i);
      events[i] = payment;
      isAllPlain &&= payment !== undefined;
    }
    if (isAllPlain) return { events, rejects: [] };
    return { events, rejects: decodeRest(records, events, { parse, first }) };
  };
  return Object.assign(decode, { release: (events: readonly Payment[]) => pool.release(events) });
}

/** Fills in what is still missing in `events`. */
function decodeRest(
  records: PackedRecords,
  events: (Payment | undefined)[],
  { parse, first }: { readonly parse: ParseBatch; readonly first: number },
): readonly Reject[] {
  const { values, rejects: unparsed } = parse(records, first);
  const rejects: Reject[] = [];
  for (let i = first; i < records.count; i++) {
    const value = values[i];
    if (events[i] !== undefined || value === undefined) continue;
    const payment = readPayment(value);
    if (typeof payment === 'object') events[i] = payment;
    else rejects.push({ index: i, code: 'RECORD_FIELD_INVALID', reason: payment });
  }
  return mergeRejects(unparsed, rejects);
}

function mergeRejects(a: readonly Reject[], b: readonly Reject[]): readonly Reject[] {
  if (a.length === 0) return b;
  return b.length === 0 ? a : [...a, ...b].sort((x, y) => x.index - y.index);
}
