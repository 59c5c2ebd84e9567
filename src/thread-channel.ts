/**
 * A MessagePort as a channel. What is posted in one turn of the event loop crosses in one message:
 * with eight partitions a turn has eight reads, scores and commits, and a message costs more than
 * an envelope.
 */
import type { TransferListItem } from 'node:worker_threads';
import type { Envelope } from './core/messages.ts';
import type { Channel } from './runtime/channel.ts';

interface Port {
  postMessage(value: readonly Envelope[], transfer: readonly TransferListItem[]): void;
  on(event: 'message', listener: (envelopes: readonly Envelope[]) => void): unknown;
}

export function threadChannel(port: Port): Channel {
  let envelopes: Envelope[] = [];
  let transfers: TransferListItem[] = [];
  const flush = () => {
    const [sent, given] = [envelopes, transfers];
    envelopes = [];
    transfers = [];
    port.postMessage(sent, given);
  };
  return {
    post: (envelope, transfer) => {
      if (envelopes.length === 0) setImmediate(flush);
      envelopes.push(envelope);
      transfers.push(...transfer);
    },
    onMessage: (listener) => {
      port.on('message', (received) => {
        for (const envelope of received) listener(envelope);
      });
    },
  };
}
