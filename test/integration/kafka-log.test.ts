/** The log's conformance suite, unchanged, on a real broker. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { codeOf } from '../../src/core/errors.ts';
import { seeded } from '../../src/core/random.ts';
import { openKafkaLog } from '../../src/log/kafka/log.ts';
import { logConformance } from '../conformance/log.ts';
import { sharedKafka } from '../support/kafka-broker.ts';
import { bootstrapOf, LOG_OPTIONS } from '../support/kafka-log.ts';

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
      ...LOG_OPTIONS,
      transactionalId: name,
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

test('a log over TLS tells when the certificates end that it needs; a plain one has none', async () => {
  const kafka = await sharedKafka();
  const text = (file: string) => readFileSync(file, 'utf8');
  const { caFile, certFile, keyFile } = kafka.tls;
  const tls = { ca: text(caFile), cert: text(certFile), key: text(keyFile) };
  const options = {
    ...LOG_OPTIONS,
    transactionalId: `certificates-${process.pid}`,
    random: seeded(process.pid),
  };
  const plain = await openKafkaLog({ ...options, settings: bootstrapOf(kafka.bootstrap) });
  expect(plain.certificates?.()).toEqual([]);
  await plain.close();
  const settings = { ...bootstrapOf(kafka.tlsBootstrap), tls };
  const log = await openKafkaLog({ ...options, settings });
  const ends = log.certificates?.() ?? [];
  await log.close();
  expect(ends.map(({ which }) => which)).toEqual(['broker', 'client', 'authority']);
  // kafka.sh makes them for ten years, some minutes ago at most.
  const days = ends.map(({ endsAtMs }) => Math.ceil((endsAtMs - systemClock.nowMs()) / 86_400_000));
  expect(days).toEqual([3650, 3650, 3650]);
});
