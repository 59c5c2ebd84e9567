/**
 * Whose payment a record is, for bringing it to its user's partition: everything else about it is
 * for the flow to judge, there.
 */
import type { KeysRead, ParseBatch, ReadKeys, Reject } from '../src/core/flow.ts';
import type { PackedRecords } from '../src/core/records.ts';
import { FROM_0, fault, isInteger, type RawPayment, USER_MAX } from './payment.ts';
import { PaymentTexts } from './payment-text.ts';

/**
 * In place where the record begins as the specification writes it, through the codec where not.
 * A record whose beginning is plain and whose end is not goes along: it belongs to that user as far
 * as anyone can tell, and becomes a dead letter where it is decoded.
 */
export function readPaymentUsers(parse: ParseBatch): ReadKeys {
  return (records, first): KeysRead => {
    const keys = new Float64Array(records.count).fill(-1);
    const texts = new PaymentTexts(records);
    let isAllPlain = true;
    for (let i = first; i < records.count; i++) {
      const user = texts.userOf(i);
      keys[i] = user;
      isAllPlain &&= user >= 0;
    }
    return { keys, rejects: isAllPlain ? [] : readRest(records, keys, { parse, first }) };
  };
}

/** Fills in the keys that are still missing. */
function readRest(
  records: PackedRecords,
  keys: Float64Array,
  { parse, first }: { readonly parse: ParseBatch; readonly first: number },
): readonly Reject[] {
  const { values, rejects: unparsed } = parse(records, first);
  const rejects: Reject[] = [];
  let nextUnparsed = 0;
  for (let i = first; i < records.count; i++) {
    const isUnparsed = unparsed[nextUnparsed]?.index === i;
    const reject = isUnparsed ? unparsed[nextUnparsed++] : undefined;
    if ((keys[i] as number) >= 0) continue;
    const { user } = (values[i] ?? {}) as RawPayment;
    if (reject !== undefined) rejects.push(reject);
    else if (isInteger(user, 0, USER_MAX)) keys[i] = user;
    else {
      rejects.push({ index: i, code: 'RECORD_FIELD_INVALID', reason: fault('user', user, FROM_0) });
    }
  }
  return rejects;
}
