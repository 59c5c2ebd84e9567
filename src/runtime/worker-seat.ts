/** The main thread's side of one actor thread: its channel, its partitions, its last words. */
import type { Asks, Orders, Owned, Report } from '../core/messages.ts';
import type { WorkerStats } from '../core/telemetry.ts';
import { type Channel, type Handlers, Peer } from './channel.ts';

/** A started actor thread. */
export interface WorkerThread {
  readonly channel: Channel;
  /** Resolves when the thread has ended, with the error that ended it, if any. */
  readonly ended: Promise<Error | undefined>;
  /** Ends the thread; only after its partitions were revoked: a write under way must not be cut. */
  terminate(): Promise<void>;
}

export class WorkerSeat {
  readonly worker: number;
  readonly thread: WorkerThread;
  readonly peer: Peer<Orders, Asks>;
  /** Partitions on this worker, by their epoch. */
  readonly partitions = new Map<number, number>();
  stats: WorkerStats | undefined;

  constructor(
    worker: number,
    thread: WorkerThread,
    wiring: { serve: Handlers<Asks>; onReport: (report: Report, seat: WorkerSeat) => void },
  ) {
    this.worker = worker;
    this.thread = thread;
    this.peer = new Peer<Orders, Asks>(thread.channel, wiring.serve, (report) =>
      wiring.onReport(report, this),
    );
  }

  async assign(owned: Owned): Promise<void> {
    this.partitions.set(owned.partition, owned.epoch);
    await this.peer.call('assign', owned);
  }

  async revoke(partition: number): Promise<void> {
    await this.peer.call('revoke', { partition });
    this.partitions.delete(partition);
  }
}
