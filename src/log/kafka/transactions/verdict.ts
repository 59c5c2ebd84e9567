/**
 * What an error of a broker means for a commit: one table, no exceptions elsewhere. What is not in
 * it ends the commit; the transaction is aborted, and the next one has a new epoch (T3).
 */
import { type BrokerError, brokerError } from '../wire/broker-errors.ts';

/** The requests of a transaction; `abort` and `commit` are the two uses of EndTxn. */
export type Step = 'init' | 'add' | 'produce' | 'offsets' | 'commit' | 'abort' | 'describe';

export type Verdict =
  | 'done'
  /** Nothing is open: it was committed already, or has not begun. */
  | 'ended'
  /** The same request again, soon, to the same broker. */
  | 'again'
  /** Again, once it is known anew who leads or coordinates. */
  | 'elsewhere'
  /** Someone else has the transactional id, or the broker aborted a commit that took too long. */
  | 'fenced'
  /** The producer id is not known any more: a new one, without anyone having taken over. */
  | 'forgotten'
  /** The group has a newer generation: again with that one, if the member is in it. */
  | 'outdated'
  /** The member is not in the group any more. */
  | 'expelled'
  | 'not-authorized'
  | 'refused';

type Row = Readonly<Partial<Record<BrokerError, Verdict>>>;

const EVERY_STEP: Row = {
  NONE: 'done',
  REQUEST_TIMED_OUT: 'again',
  INVALID_PRODUCER_EPOCH: 'fenced',
  PRODUCER_FENCED: 'fenced',
  INVALID_PRODUCER_ID_MAPPING: 'forgotten',
  TOPIC_AUTHORIZATION_FAILED: 'not-authorized',
  GROUP_AUTHORIZATION_FAILED: 'not-authorized',
  CLUSTER_AUTHORIZATION_FAILED: 'not-authorized',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'not-authorized',
};

const BY_COORDINATOR: Row = {
  // The markers of the commit before are being written, or another request for this producer is
  // being worked on.
  CONCURRENT_TRANSACTIONS: 'again',
  COORDINATOR_LOAD_IN_PROGRESS: 'again',
  NOT_ENOUGH_REPLICAS: 'again',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'again',
  COORDINATOR_NOT_AVAILABLE: 'elsewhere',
  NOT_COORDINATOR: 'elsewhere',
  TRANSACTION_COORDINATOR_FENCED: 'elsewhere',
};

const BY_LEADER: Row = {
  // A batch that was appended already is recognised by its sequence number: again is safe.
  NOT_ENOUGH_REPLICAS: 'again',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'again',
  // Brokers before 3.7 pass on what their coordinator told them about the transaction.
  CONCURRENT_TRANSACTIONS: 'again',
  COORDINATOR_LOAD_IN_PROGRESS: 'again',
  COORDINATOR_NOT_AVAILABLE: 'again',
  NOT_COORDINATOR: 'again',
  NETWORK_EXCEPTION: 'again',
  UNKNOWN_TOPIC_OR_PARTITION: 'elsewhere',
  LEADER_NOT_AVAILABLE: 'elsewhere',
  NOT_LEADER_OR_FOLLOWER: 'elsewhere',
  REPLICA_NOT_AVAILABLE: 'elsewhere',
  KAFKA_STORAGE_ERROR: 'elsewhere',
  FENCED_LEADER_EPOCH: 'elsewhere',
};

const BY_STEP: Readonly<Record<Step, Row>> = {
  init: BY_COORDINATOR,
  // The coordinator may hear of a new topic later than this client.
  add: {
    ...BY_COORDINATOR,
    UNKNOWN_TOPIC_OR_PARTITION: 'again',
    OPERATION_NOT_ATTEMPTED: 'again',
  },
  produce: BY_LEADER,
  offsets: {
    ...BY_COORDINATOR,
    UNKNOWN_TOPIC_OR_PARTITION: 'again',
    NETWORK_EXCEPTION: 'again',
    ILLEGAL_GENERATION: 'outdated',
    REBALANCE_IN_PROGRESS: 'outdated',
    UNKNOWN_MEMBER_ID: 'expelled',
    FENCED_INSTANCE_ID: 'expelled',
  },
  commit: BY_COORDINATOR,
  abort: { ...BY_COORDINATOR, INVALID_TXN_STATE: 'ended' },
  // Nobody has used it yet.
  describe: { ...BY_COORDINATOR, TRANSACTIONAL_ID_NOT_FOUND: 'done' },
};

export function verdict(step: Step, code: number): Verdict {
  const name = brokerError(code) as BrokerError;
  return BY_STEP[step][name] ?? EVERY_STEP[name] ?? 'refused';
}
