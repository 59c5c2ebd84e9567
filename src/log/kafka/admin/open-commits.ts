/** Transactions that are open, and what readers therefore do not see: whose they are. */
import type { OpenCommit } from '../../../core/log.ts';
import type { Cluster } from '../cluster.ts';
import { DESCRIBE_TRANSACTIONS } from '../transactions/described.ts';
import type { Api } from '../wire/api.ts';

/** What is asked about one after the other: more are never needed to explain a stand-still. */
const DESCRIBED_MAX = 32;

interface Listed {
  readonly transactionalId: string;
}

const LIST_TRANSACTIONS: Api<readonly string[], readonly Listed[]> = {
  name: 'ListTransactions',
  key: 66,
  version: 0,
  encode: (to, states) =>
    to
      .array(states, (state) => to.string(state))
      .array([], () => undefined) // of any producer
      .tags(),
  decode: (from) => {
    from.i32(); // throttle time
    from.i16(); // a coordinator that loads knows less, and is asked again
    from.array(() => from.string());
    return from.array(() => {
      const transactionalId = from.string();
      from.i64(); // producer id
      from.string(); // state
      from.tags();
      return { transactionalId };
    });
  },
};

/** @throws LOG_UNAVAILABLE */
export async function openCommits(cluster: Cluster): Promise<readonly OpenCommit[]> {
  const { brokers } = await cluster.metadata([]);
  const ids = new Set<string>();
  for (const { node } of brokers) {
    const listed = await cluster.call({ node, lane: 'general' }, LIST_TRANSACTIONS, ['Ongoing']);
    for (const { transactionalId } of listed) ids.add(transactionalId);
  }
  const open: OpenCommit[] = [];
  for (const id of [...ids].slice(0, DESCRIBED_MAX)) {
    const node = await cluster.coordinator('transaction', id);
    const found = await cluster.call({ node, lane: 'general' }, DESCRIBE_TRANSACTIONS, id);
    for (const { error, state, transactionalId: name, ...one } of found) {
      if (error === 0 && state === 'Ongoing') open.push({ name, ...one });
    }
  }
  return open;
}
