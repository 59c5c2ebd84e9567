/** Settings of our own client for the brokers of `kafka-broker.ts`. */
import { systemClock } from '../../src/core/clock.ts';
import type { KafkaSettings } from '../../src/log/kafka/wire/settings.ts';

/** @param bootstrap `host:port,host:port`, without authentication */
export function bootstrapOf(bootstrap: string): KafkaSettings {
  const addresses = bootstrap.split(',').map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
  return { bootstrap: addresses, clientId: 'shrike-test', tls: undefined, sasl: undefined };
}

/** Of a log that a test opens, but for what the test is about. */
export const LOG_OPTIONS = {
  instanceId: '',
  assignment: 'cooperative',
  sessionTimeoutMs: 6000,
  transactionTimeoutMs: 20_000,
  replicationFactor: -1,
  clock: systemClock,
  onTrouble: () => undefined,
} as const;
