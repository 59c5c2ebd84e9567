/**
 * What docs/operations.md tells a person to type for Kafka, with Kafka's own tools, typed on a real
 * broker that an engine works with.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningEngine, startEngineIn, until } from '../support/command-line.ts';
import { callUrl } from '../support/http-client.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';
import { sharedMinio } from '../support/minio-server.ts';
import { linesIn, OperatorShell } from '../support/operator-shell.ts';
import { OracleProducer } from '../support/rdkafka.ts';

const LIMIT_MS = 240_000;
const BUCKET = 'runbook-kafka';

let kafka: KafkaBroker;
let folder: string;
let shell: OperatorShell;
let credentials: Readonly<Record<string, string>>;

beforeAll(async () => {
  const minio = await sharedMinio();
  [kafka, folder] = await Promise.all([
    startKafka({ secure: true }),
    mkdtemp(join(tmpdir(), 'shrike-runbook-')),
  ]);
  await minio.createBucket(BUCKET);
  credentials = minio.env;
  const config = {
    kafka: { bootstrap: kafka.bootstrap, instanceId: 'pod-1' },
    s3: { bucket: BUCKET, endpoint: minio.endpoint, pathStyle: true },
    checkpoints: { intervalMs: 1000, keepCount: 200 },
  };
  writeFileSync(join(folder, 'shrike.json'), JSON.stringify(config));
  shell = new OperatorShell({ folder, brokers: kafka.bootstrap, env: credentials });
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  await rm(folder, { recursive: true });
});

/** The line of a section that has this in it. */
function lineOf(heading: string, part: string): string {
  const line = linesIn(heading).find((one) => one.includes(part));
  if (line === undefined) throw new Error(`${heading} has no line with ${part}`);
  return line;
}

async function run(...args: readonly string[]): Promise<RunningEngine> {
  const config = join(folder, 'shrike.json');
  const data = join(folder, '.data');
  return startEngineIn(credentials, data, '--config', config, ...args);
}

/** While payments come, and every partition scores them and has a checkpoint. */
async function whileScoring(act: (engine: RunningEngine) => Promise<unknown>): Promise<void> {
  const engine = await run('--source', 'simulate', '--population', '100', '--rate', '200');
  try {
    await until(async () => {
      const { body } = await callUrl(`${engine.address}/metrics`);
      const live = body.match(/^shrike_partition_phase\{.*phase="live".*\} 1$/gm) ?? [];
      const sealed = body.match(/^shrike_checkpoint_age_seconds\{/gm) ?? [];
      return live.length === 8 && sealed.length === 8;
    });
    await act(engine);
  } finally {
    await engine.command.interrupt();
  }
}

type Offsets = readonly (readonly [topic: string, partition: number, offset: number])[];

function offsetsIn(file: string): Offsets {
  const rows = readFileSync(join(folder, file), 'utf8').trim().split('\n');
  return rows
    .map((row) => row.replaceAll('"', '').split(','))
    .map(([topic = '', partition, offset]) => [topic, Number(partition), Number(offset)] as const)
    .toSorted(([, a], [, b]) => a - b);
}

/** As Kafka has them. */
async function committedBy(group: string): Promise<Offsets> {
  return offsetsOf(group, '--to-current');
}

async function offsetsOf(group: string, which: '--to-current' | '--to-latest'): Promise<Offsets> {
  await shell.do(
    `kafka-consumer-groups.sh --bootstrap-server $BROKERS --group ${group} \
      --reset-offsets ${which} --all-topics --export --dry-run > asked.csv`,
  );
  return offsetsIn('asked.csv');
}

test('brokers, groups and certificates are looked at while an engine works', {
  timeout: LIMIT_MS,
}, async () => {
  const members = lineOf('### ShrikePartitionNotOwned', 'kafka-');
  const looks = [
    ...linesIn('### ShrikeStatusStale').filter((line) => line.startsWith('kafka-')),
    ...linesIn('### ShrikeCommitFailing').filter((line) => line.startsWith('kafka-')),
    ...linesIn('### Lost broker'),
  ];
  await whileScoring(async () => {
    expect(await shell.do(members)).toMatch(/\nshrike\s+pod-1\S*\s+pod-1\s.*transactions/);
    // Nothing is under-replicated here: the tools say nothing, and end well.
    for (const line of looks) await shell.do(line);
    expect(looks.length).toBeGreaterThan(3);
  });
  const rekeyed = await shell.type(lineOf('### ShrikeRekeyLagHigh', 'kafka-'));
  expect(rekeyed.said).toMatch(/[Gg]roup '?shrike-rekey'? (?:does not exist|not found)/);

  const [own, broker] = linesIn('### ShrikeCertificateExpiring').filter((line) =>
    line.startsWith('openssl '),
  );
  expect(await shell.do(own ?? '', { 'client.pem': kafka.tls.certFile })).toMatch(/^notAfter=/m);
  const address = kafka.tlsBootstrap;
  expect(await shell.do(broker ?? '', { 'kafka-0.example:9093': address })).toMatch(/^notAfter=/m);
});

test('what another login needs is granted by the line of the rights', {
  timeout: LIMIT_MS,
}, async () => {
  await shell.do(lineOf('### Rights', 'kafka-acls'), { 'User:shrike': 'User:somebody' });
  const list = 'kafka-acls.sh --bootstrap-server $BROKERS --list --principal User:somebody';
  expect(await shell.do(list)).toMatch(
    /TRANSACTIONAL_ID, name=shrike-shrike-, patternType=PREFIXED[^]*operation=WRITE/,
  );
});

/** Of a producer that does not come back: it holds readers of its partition. */
async function leaveOpen(transactionalId: string): Promise<void> {
  const producer = await OracleProducer.connect(kafka.bootstrap, { transactionalId });
  await producer.begin();
  await producer.send('transactions', [{ partition: 0, key: '0', value: '{}' }]);
  await producer.close();
}

test('a transaction that its producer has left open is found and ended, both ways', {
  timeout: LIMIT_MS,
}, async () => {
  const [list = '', describe = '', end = '', hanging = '', abort = ''] =
    linesIn('### Stuck transaction');
  await whileScoring(async () => undefined);
  await leaveOpen('shrike-shrike-pod-9');
  expect(await shell.do(list)).toContain('shrike-shrike-pod-9');
  expect(await shell.do(describe, { 'pod-1': 'pod-9' })).toMatch(/Ongoing[^]*transactions-0/);
  await shell.do(end, { 'pod-1': 'pod-9' });
  await until(async () => (await shell.type(list)).said === '');

  await leaveOpen('another-program');
  const producers = `kafka-transactions.sh --bootstrap-server $BROKERS describe-producers \
    --topic transactions --partition 0 | tail -n +2 | awk '$6 != "None" { print $6 }'`;
  const start = (await shell.do(producers)).trim();
  expect(start).toMatch(/^\d+$/);
  expect(await shell.do(hanging)).toMatch(/^Topic\s+Partition/);
  await shell.do(abort, { 4279: start });
  await until(async () => (await shell.do(producers)).trim() === '');
});

test('a group goes back to a savepoint, and says so', { timeout: LIMIT_MS }, async () => {
  const [offsets = '', reset = '', again = ''] = linesIn('### Rollback to a savepoint');
  await whileScoring(() => shell.do('shrike checkpoint create --name before-upgrade'));
  // More is scored, which is to be gone back behind.
  await whileScoring(async () => undefined);
  await shell.do(offsets);
  const savepoint = offsetsIn('offsets.csv');
  expect(savepoint).toHaveLength(8);
  expect(await committedBy('shrike')).not.toEqual(savepoint);
  // An engine that is stopped may leave a few payments that its simulator has just sent.
  const ends = await offsetsOf('shrike', '--to-latest');
  await shell.do(reset);
  expect(await committedBy('shrike')).toEqual(savepoint);
  expect(again).toBe('shrike run');
  const { address, command } = await run();
  await until(
    () => (command.stderr.match(/is ahead of the log and is set aside/g) ?? []).length === 8,
  );
  await until(async () => {
    const { body } = await callUrl(`${address}/api/status`);
    return /"ready":true/.test(body) && /"lag":\{"records":0/.test(body);
  });
  await command.interrupt();
  // What was scored since then is scored again.
  expect(await committedBy('shrike')).toEqual(ends);
});

test('green begins where its savepoint of blue is, and is set to where blue has stopped', {
  timeout: LIMIT_MS,
}, async () => {
  const [create = '', copy = '', begin = '', start = '', stands = '', switching = ''] =
    linesIn('### Blue/green');
  await whileScoring(() => shell.do(create));
  await shell.do(copy);
  await shell.do(begin);
  expect(await committedBy('shrike-green')).toEqual(offsetsIn('offsets.csv'));
  expect(start).toMatch(/^shrike run .*--set application=shrike-green /);
  await shell.do(stands);
  expect(offsetsIn('blue.csv')).toEqual(await committedBy('shrike'));
  await shell.do(switching);
  expect(await committedBy('shrike-green')).toEqual(offsetsIn('blue.csv'));
});
