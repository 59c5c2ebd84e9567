/**
 * Whether a record lies where its actor is: elsewhere two tasks would keep half an actor each.
 *
 * The embedded log's producers all choose the partition in one way, so that is looked at. Those of
 * Kafka choose it each in a way of its own, but by the record's key: of records with the same key
 * a producer puts none elsewhere. So there the key must be the actor's.
 */
import type { ActorKey } from '../core/ids.ts';
import type { PackedRecords } from '../core/records.ts';

export type Placement<E> =
  | { readonly by: 'partition'; readonly partitionOf: (event: E) => number }
  | { readonly by: 'key'; readonly actorKey: (event: E) => ActorKey };

/** @returns why the event of record `i` does not belong here; undefined where it does */
export type FindStray<E> = (event: E, records: PackedRecords, i: number) => string | undefined;

export function strayFinder<E>(placement: Placement<E>, partition: number): FindStray<E> {
  if (placement.by === 'partition') {
    const { partitionOf } = placement;
    return (event) => {
      const home = partitionOf(event);
      return home === partition ? undefined : `it belongs to partition ${home}`;
    };
  }
  const { actorKey } = placement;
  return (event, records, i) => {
    const key = actorKey(event);
    return isKey(records, i, key) ? undefined : `its key is not the user id ${key}`;
  };
}

const ZERO = 48;

/**
 * Digit by digit, from the last one, where the key lies: 24 ns, where a string of it costs 90.
 * Leading zeros are another key: they are another partition, too.
 */
function isKey({ keys, keyEnds }: PackedRecords, i: number, key: ActorKey): boolean {
  const start = i === 0 ? 0 : (keyEnds[i - 1] as number);
  let at = keyEnds[i] as number;
  let rest = key;
  do {
    at--;
    const tens = Math.floor(rest / 10);
    if (at < start || keys[at] !== ZERO + (rest - 10 * tens)) return false;
    rest = tens;
  } while (rest > 0);
  return at === start;
}
