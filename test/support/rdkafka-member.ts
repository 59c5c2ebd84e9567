/**
 * A member of a consumer group that is node-rdkafka's: to share a group with members of ours.
 *
 *     const other = await OracleMember.join(bootstrap, { group: 'g', topic: 'a' });
 *     await until(() => other.partitions.length === 2);
 *     other.records                    what it has read, committed transactions only
 *     await other.leave();
 */
import {
  type Consumer,
  called,
  type Message,
  type OracleRecord,
  rdkafka,
  recordOf,
  type Settings,
  TIMEOUT_MS,
} from './rdkafka.ts';

export interface MemberOptions {
  readonly group: string;
  readonly topic: string;
  readonly strategy?: 'cooperative-sticky' | 'range';
  /** Makes it a static member. */
  readonly instanceId?: string;
  readonly config?: Settings;
}

export class OracleMember {
  readonly records: OracleRecord[] = [];
  readonly #consumer: Consumer;

  private constructor(consumer: Consumer) {
    this.#consumer = consumer;
    consumer.on('data', (message: Message) => {
      this.records.push(recordOf(message));
    });
    // What matters of them is that partitions do not come, which the test waits for.
    consumer.on('event.error', () => {});
  }

  /** Resolves before it has partitions. Each begins where the group left it, or at its start. */
  static async join(bootstrap: string, options: MemberOptions): Promise<OracleMember> {
    const { group, topic, strategy = 'cooperative-sticky', instanceId, config } = options;
    const consumer = new (rdkafka().KafkaConsumer)(
      {
        ...config,
        'metadata.broker.list': bootstrap,
        'group.id': group,
        'partition.assignment.strategy': strategy,
        'session.timeout.ms': 6000,
        'heartbeat.interval.ms': 500,
        'isolation.level': 'read_committed',
        rebalance_cb: true,
        ...(instanceId !== undefined && { 'group.instance.id': instanceId }),
      },
      { 'auto.offset.reset': 'earliest' },
    );
    const member = new OracleMember(consumer);
    await called((done) => consumer.connect({ timeout: TIMEOUT_MS }, done));
    consumer.subscribe([topic]);
    consumer.consume();
    return member;
  }

  /** Of the topic, in their order. */
  get partitions(): readonly number[] {
    return this.#consumer
      .assignments()
      .map(({ partition }) => partition)
      .sort((a, b) => a - b);
  }

  async leave(): Promise<void> {
    await called((done) => this.#consumer.disconnect(done));
  }
}
