/** Settings of our own client for the brokers of `kafka-broker.ts`. */
import type { KafkaSettings } from '../../src/log/kafka/wire/settings.ts';

/** @param bootstrap `host:port,host:port`, without authentication */
export function bootstrapOf(bootstrap: string): KafkaSettings {
  const addresses = bootstrap.split(',').map((address) => {
    const [host = '', port] = address.split(':');
    return { host, port: Number(port) };
  });
  return { bootstrap: addresses, clientId: 'shrike-test', tls: undefined, sasl: undefined };
}
