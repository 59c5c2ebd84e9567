/** Rejects in memory. */
import type { Reject, RejectSink } from '../../src/ingest/rejects.ts';

export class RejectList implements RejectSink {
  readonly rejects: Reject[] = [];

  add(reject: Reject): void {
    this.rejects.push(reject);
  }

  async flush(): Promise<void> {}
}
