/** What the tests of the log's conformance suite share. */
import type { Log, MembershipListener, TopicSpec } from '../../src/core/log.ts';

/** One test's log and topic. */
export interface Bench {
  log: Log;
  /** A topic of this test alone; partition 0 of it. */
  readonly topic: string;
  readonly at: { readonly topic: string; readonly partition: number };
  reopen(): Promise<void>;
}

export const ignoreAssignments: MembershipListener = {
  assigned: () => undefined,
  revoked: async () => undefined,
};

export function specOf(topic: string, more: Partial<TopicSpec> = {}): TopicSpec {
  return { topic, partitions: 2, cleanup: 'delete', retentionMs: 0, ...more };
}
