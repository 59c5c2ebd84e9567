/** Records that no broker would take are told by name, before they are sent. */
import { ShrikeError } from '../../core/errors.ts';
import { topicPartitionName } from '../../core/ids.ts';
import type { Append } from '../../core/log.ts';
import { PackedRecords } from '../../core/records.ts';

/** @throws OUTPUT_TOO_LARGE */
export function requireFitting(
  appends: readonly Append[],
  bytesMax: ReadonlyMap<string, number>,
): void {
  for (const append of appends) {
    const max = bytesMax.get(append.topic);
    // Packed, a record has more bytes than its key and value.
    if (max === undefined || append.records.byteLength <= max) continue;
    const { count, keyEnds, valueEnds } = PackedRecords.of(append.records);
    for (let i = 0, before = 0; i < count; i++) {
      const end = (keyEnds[i] as number) + (valueEnds[i] as number);
      if (end - before > max) throw tooLarge(append, { index: i, bytes: end - before, max });
      before = end;
    }
  }
}

function tooLarge(
  append: Append,
  { index, bytes, max }: { readonly index: number; readonly bytes: number; readonly max: number },
): ShrikeError {
  const which = `record ${index} of what is appended to ${topicPartitionName(append)}`;
  const limit = `the topic takes ${max} (max.message.bytes, less what a batch adds)`;
  return new ShrikeError('OUTPUT_TOO_LARGE', `${which} has ${bytes} bytes, and ${limit}`);
}
