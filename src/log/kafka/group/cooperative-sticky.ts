import { type TopicPartition, topicPartitionName } from '../../../core/ids.ts';
import type { GroupAssignment, GroupSubscriber, GroupToAssign } from './assignment.ts';

interface Place {
  readonly partition: TopicPartition;
  /** Whoever said that it owns the partition. */
  readonly claimants: GroupSubscriber[];
}

interface Load {
  readonly member: GroupSubscriber;
  readonly places: Set<Place>;
}

/**
 * Everyone keeps what it has as far as the balance allows, and nothing is given to a new owner
 * before its old one has let go: a partition that moves is left out of this assignment, its old
 * owner joins again without it, and the next assignment gives it out (KIP-429).
 */
export function cooperativeSticky(group: GroupToAssign): GroupAssignment {
  const places = allPlaces(group);
  const loads = [...group.members]
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map((member): Load => ({ member, places: new Set() }));
  const unowned = places.filter((place) => !keep(place, loads));
  for (const place of unowned) least(loads, place)?.places.add(place);
  balance(loads);
  return new Map(
    loads.map(({ member, places: of }) => [
      member.memberId,
      [...of].filter((place) => isFree(place, member)).map(({ partition }) => partition),
    ]),
  );
}

function allPlaces({ members, partitions }: GroupToAssign): Place[] {
  const places = new Map<string, Place>();
  for (const [topic, count] of partitions) {
    for (let partition = 0; partition < count; partition++) {
      const of = { topic, partition };
      places.set(topicPartitionName(of), { partition: of, claimants: [] });
    }
  }
  for (const member of members) {
    for (const owned of member.owned) {
      places.get(topicPartitionName(owned))?.claimants.push(member);
    }
  }
  return [...places.values()];
}

/** Gives a partition to the one who owns it, if there is exactly one and it still wants it. */
function keep(place: Place, loads: readonly Load[]): boolean {
  const owner = ownerOf(place);
  if (owner === undefined || !owner.topics.includes(place.partition.topic)) return false;
  loads.find(({ member }) => member === owner)?.places.add(place);
  return true;
}

/** Of several claims the newest counts; of several equally new ones none. */
function ownerOf({ claimants }: Place): GroupSubscriber | undefined {
  const newest = Math.max(...claimants.map(({ generation }) => generation));
  const owners = claimants.filter(({ generation }) => generation === newest);
  return owners.length === 1 ? owners[0] : undefined;
}

/** True when nobody else may still work on it. */
function isFree(place: Place, member: GroupSubscriber): boolean {
  return ownerOf(place) === member || place.claimants.length === 0;
}

function least(loads: readonly Load[], { partition }: Place): Load | undefined {
  let found: Load | undefined;
  for (const load of loads) {
    if (!load.member.topics.includes(partition.topic)) continue;
    if (found === undefined || load.places.size < found.places.size) found = load;
  }
  return found;
}

/** Moves partitions one by one, from the largest load, while a move brings two loads nearer. */
function balance(loads: readonly Load[]): void {
  while (
    [...loads].sort((a, b) => b.places.size - a.places.size).some((from) => move(from, loads))
  );
}

function move(from: Load, loads: readonly Load[]): boolean {
  // The last ones first: those it was given in this round, and then those of high numbers.
  for (const place of [...from.places].reverse()) {
    const to = least(loads, place);
    if (to === undefined || to.places.size + 2 > from.places.size) continue;
    from.places.delete(place);
    to.places.add(place);
    return true;
  }
  return false;
}
