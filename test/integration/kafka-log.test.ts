/** The log's conformance suite, unchanged, on a real broker. */

import { expect } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { codeOf } from '../../src/core/errors.ts';
import { seeded } from '../../src/core/random.ts';
import { openKafkaLog } from '../../src/log/kafka/log.ts';
import { logConformance } from '../conformance/log.ts';
import { sharedKafka } from '../support/kafka-broker.ts';
import { bootstrapOf } from '../support/kafka-log.ts';

let logCount = 0;

logConformance('Kafka', async () => {
  const settings = bootstrapOf((await sharedKafka()).bootstrap);
  logCount += 1;
  const name = `conformance-${process.pid}-${logCount}`;
  const troubles: unknown[] = [];
  let openCount = 0;
  const open = () => {
    openCount += 1;
    return openKafkaLog({
      settings,
      transactionalId: name,
      instanceId: '',
      assignment: 'cooperative',
      sessionTimeoutMs: 6000,
      transactionTimeoutMs: 20_000,
      replicationFactor: -1,
      clock: systemClock,
      random: seeded(process.pid * 1000 + logCount * 10 + openCount),
      onTrouble: (error) => {
        // A coordinator that is loading is waited for.
        if (codeOf(error) !== 'LOG_UNAVAILABLE') troubles.push(error);
      },
    });
  };
  let log = await open();
  return {
    log,
    reopen: async () => {
      await log.close();
      log = await open();
      return log;
    },
    close: async () => {
      await log.close();
      expect(troubles).toEqual([]);
    },
  };
});
