/** The payments of a raw file, clean, in global event-time order; their position in it is `idx`. */
import { cleanPayment, PAYMENT_COLUMNS, type Payment } from './clean.ts';
import { cleanRows } from './clean-rows.ts';
import { type SortOptions, sortByEventTime } from './event-time-sort.ts';
import { paymentCodec } from './payment-codec.ts';
import type { OnProgress } from './progress.ts';
import type { RejectSink } from './rejects.ts';

export interface PaymentFileOptions {
  readonly file: string;
  /** For what does not fit in memory: about 65 bytes a payment. */
  readonly spillDir: string;
  readonly sortBytesMax?: number | undefined;
  readonly rejects: RejectSink;
  readonly rejectsMax?: number | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws as `cleanRows` and `sortByEventTime` do */
export function sortedPayments(options: PaymentFileOptions): AsyncGenerator<Payment[]> {
  const { spillDir, sortBytesMax } = options;
  const rows = cleanRows({
    ...options,
    columns: PAYMENT_COLUMNS,
    clean: cleanPayment,
    stage: 'reading transactions',
  });
  const sort: SortOptions<Payment> = {
    codec: paymentCodec,
    spillDir,
    memoryBytesMax: sortBytesMax,
  };
  return sortByEventTime(rows, sort);
}
