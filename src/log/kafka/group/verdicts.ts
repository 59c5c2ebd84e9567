/** What an answer of the coordinator means to a member: the same for every request of a group. */
import { type BrokerError, brokerError, isTransient } from '../wire/broker-errors.ts';

export type Verdict =
  | 'ok'
  /** A rebalance is under way: join again. */
  | 'rebalance'
  /** The coordinator has made a name for a new member; it joins again with that. */
  | 'named'
  /** Not now, or not here: look for the coordinator again, wait, ask again. */
  | 'later'
  /** The group has gone on without this member, which it knows by name. */
  | 'stale'
  /** The group does not know this member (any more). */
  | 'forgotten'
  /** Another process has joined by the same instance id, and is the member now. */
  | 'fenced'
  /** No retry will mend it. */
  | 'refused';

const VERDICTS: Partial<Record<BrokerError, Verdict>> = {
  NONE: 'ok',
  REBALANCE_IN_PROGRESS: 'rebalance',
  MEMBER_ID_REQUIRED: 'named',
  ILLEGAL_GENERATION: 'stale',
  UNKNOWN_MEMBER_ID: 'forgotten',
  FENCED_INSTANCE_ID: 'fenced',
};

export function verdictOf(error: number): Verdict {
  const known = VERDICTS[brokerError(error) as BrokerError];
  return known ?? (isTransient(error) ? 'later' : 'refused');
}
