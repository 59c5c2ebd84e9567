/**
 * Which log this is: cluster id and topic id, which a broker gives a topic when it is made and
 * never again. What was told once must stay: who asks for positions is refused when it has changed,
 * since they would be taken for those of the topic before.
 */
import { ShrikeError } from '../../core/errors.ts';
import type { Cluster } from './cluster.ts';
import { BROKER_ERRORS, brokerError, isTransient } from './wire/broker-errors.ts';
import { TOPIC_IDS } from './wire/metadata.ts';

/** Tries, with a moment between: a topic just created is not known to all brokers at once. */
const WAITS_MS = [20, 50, 100, 200, 400, 800];

export class Identities {
  readonly #cluster: Cluster;
  readonly #told = new Map<string, string>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** @throws LOG_TOPIC_UNKNOWN, LOG_UNAVAILABLE, KAFKA_NOT_AUTHORIZED, LOG_REPLACED */
  async of(topic: string): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      const found = await this.#look(topic);
      if (typeof found === 'string') {
        this.#verify(topic, found);
        this.#told.set(topic, found);
        return found;
      }
      const waitMs = WAITS_MS[attempt];
      if (waitMs === undefined || !isTransient(found)) throw refusal(topic, found);
      await this.#cluster.pause(waitMs);
    }
  }

  /** A topic that is not there, or of which nothing was told, is not looked at. */
  async verify(topics: readonly string[]): Promise<void> {
    for (const topic of new Set(topics)) {
      if (!this.#told.has(topic)) continue;
      const found = await this.#look(topic);
      if (typeof found === 'string') this.#verify(topic, found);
    }
  }

  #verify(topic: string, found: string): void {
    const told = this.#told.get(topic) ?? found;
    if (told === found) return;
    const message = `the topic ${topic} is not the one it was: ${found} instead of ${told}`;
    throw new ShrikeError('LOG_REPLACED', message);
  }

  /** @returns the identity, or the broker's error. */
  async #look(topic: string): Promise<string | number> {
    const { clusterId, topics } = await this.#cluster.callAny(TOPIC_IDS, [topic]);
    const { error, id } = topics[0] ?? { error: BROKER_ERRORS.UNKNOWN_SERVER_ERROR, id: '' };
    if (error !== 0) return error;
    // Brokers older than 2.8 give topics no id.
    return `kafka/${clusterId}/${/^0*$/.test(id) ? topic : id}`;
  }
}

function refusal(topic: string, error: number): ShrikeError {
  const name = brokerError(error);
  if (/AUTHORIZATION/.test(name)) {
    return new ShrikeError('KAFKA_NOT_AUTHORIZED', `no right to describe the topic ${topic}`);
  }
  return new ShrikeError('LOG_TOPIC_UNKNOWN', `there is no topic ${topic} (${name})`);
}
