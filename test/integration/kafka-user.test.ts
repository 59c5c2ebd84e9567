/** The engine and the commands on a secured broker, as processes; needs `npx tsc -b`. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Command, type Ended } from '../support/command-line.ts';
import { grant, type Right, revoke } from '../support/kafka-acls.ts';
import { type KafkaBroker, startKafka } from '../support/kafka-broker.ts';

const LIMIT_MS = 240_000;

let kafka: KafkaBroker;
let scratch: string;

beforeAll(async () => {
  kafka = await startKafka({ secure: true });
  scratch = await mkdtemp(join(tmpdir(), 'shrike-kafka-user-'));
  await writeFile(join(scratch, 'password'), `${kafka.password}\n`);
}, LIMIT_MS);
afterAll(async () => {
  await kafka.remove();
  await rm(scratch, { recursive: true });
});

type Settings = Readonly<Record<string, string | number | boolean>>;

const flagsOf = (settings: Settings): string[] =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);

const scram = (): Settings => ({
  'kafka.bootstrap': kafka.saslBootstrap,
  'kafka.sasl.mechanism': 'SCRAM-SHA-512',
  'kafka.sasl.username': kafka.username,
});
const password = () => ({ SHRIKE_KAFKA_PASSWORD: kafka.password });

interface Running {
  readonly name: string;
  readonly settings: Settings;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** `shrike run` up to the end of what is in the log. */
function run({ name, settings, env = {}, args = [] }: Running): Promise<Ended> {
  const fixed = { 'input.partitions': 2, workers: 1, application: name };
  const until = ['--until-end', '--no-listen', '--data', join(scratch, name), ...args];
  return new Command(['run', ...until, ...flagsOf({ ...fixed, ...settings })], env).ended;
}

const simulated = (payments: number) => [
  ...['--source', 'simulate', '--population', '40', '--history-days', '0'],
  ...['--rate', 'max', '--payments', String(payments)],
];

/** What a consumer finds, in order. */
async function scoredIn(out: string): Promise<readonly number[]> {
  const lines = (await readFile(join(out, 'scored.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { idx: number }).idx);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('one load, over each kind of connection', () => {
  const load = async (payments: number, settings: Settings, env = {}) => {
    const out = join(scratch, `out-${payments}`);
    const args = [...simulated(payments), '--out', out];
    const { code, stderr } = await run({ name: 'secure', settings, env, args });
    expect({ code, stderr: stderr.includes(kafka.password) ? stderr : '' }, stderr).toEqual({
      code: 0,
      stderr: '',
    });
    return scoredIn(out);
  };

  test('SASL with SCRAM-SHA-512, the password in the environment: each payment once', {
    timeout: LIMIT_MS,
  }, async () => {
    const scored = await load(300, scram(), password());
    expect(scored).toEqual(upTo(300));
  });

  test('SASL with PLAIN over TLS, the password in a file: it goes on, each payment once', {
    timeout: LIMIT_MS,
  }, async () => {
    const scored = await load(200, {
      'kafka.bootstrap': kafka.saslTlsBootstrap,
      'kafka.tls.enabled': true,
      'kafka.tls.caFile': kafka.tls.caFile,
      'kafka.sasl.mechanism': 'PLAIN',
      'kafka.sasl.username': kafka.username,
      'kafka.sasl.passwordFile': join(scratch, 'password'),
    });
    expect(scored).toEqual(upTo(500));
  });

  test('TLS with a certificate of the client: it goes on, each payment once', {
    timeout: LIMIT_MS,
  }, async () => {
    const { caFile, certFile, keyFile } = kafka.tls;
    const scored = await load(100, {
      'kafka.bootstrap': kafka.tlsBootstrap,
      'kafka.tls.enabled': true,
      'kafka.tls.caFile': caFile,
      'kafka.tls.certFile': certFile,
      'kafka.tls.keyFile': keyFile,
    });
    expect(scored).toEqual(upTo(600));
  });
});

describe('what is refused', () => {
  const refused = async (settings: Settings, env = {}) => {
    const { code, stderr, stdout } = await run({ name: 'refused', settings, env });
    expect(code, stderr).toBe(1);
    return `${stdout}${stderr}`;
  };

  test('a wrong password ends the engine at once, and is not told', {
    timeout: LIMIT_MS,
  }, async () => {
    const said = await refused(scram(), { SHRIKE_KAFKA_PASSWORD: 'not-the-password' });
    expect(said).toContain('[KAFKA_AUTH_FAILED]');
    expect(said).not.toContain('not-the-password');
  });

  test('a listener that is spoken to in the wrong way is told by what it may want', {
    timeout: LIMIT_MS,
  }, async () => {
    const plain = (bootstrap: string) => ({ 'kafka.bootstrap': bootstrap });
    const tls = { 'kafka.tls.enabled': true };
    expect(await refused(plain(kafka.tlsBootstrap))).toContain('or one that wants kafka.tls');
    expect(await refused(plain(kafka.saslBootstrap))).toContain('does it want kafka.sasl');
    expect(await refused({ ...plain(kafka.bootstrap), ...tls })).toContain('does it speak TLS?');
    const untrusted = await refused({ ...plain(kafka.tlsBootstrap), ...tls });
    expect(untrusted).toContain('[KAFKA_AUTH_FAILED]');
  });

  test('a broker that nobody vouches for is refused, whatever Node.js is told by its environment', {
    timeout: LIMIT_MS,
  }, async () => {
    const { saslTlsBootstrap, username } = kafka;
    const settings = {
      'kafka.bootstrap': saslTlsBootstrap,
      'kafka.tls.enabled': true,
      'kafka.sasl.mechanism': 'PLAIN',
      'kafka.sasl.username': username,
    };
    const said = await refused(settings, { ...password(), NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(said).toMatch(/TLS with .* failed: .*\[KAFKA_AUTH_FAILED\]/);
  });

  test('`shrike config` shows no password, from wherever it comes', async () => {
    const args = flagsOf({ ...scram(), 'kafka.sasl.passwordFile': join(scratch, 'password') });
    const { code, stdout, stderr } = await new Command(['config', ...args], password()).ended;
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('kafka.sasl.username');
    expect(stdout).not.toContain(kafka.password);
  });
});

/** docs/operations.md has the same list, for people. */
const RIGHTS: readonly Right[] = [
  { of: 'topic', name: 'transactions', operation: 'read' },
  { of: 'topic', name: 'users', operation: 'read' },
  { of: 'topic', name: 'cards', operation: 'read' },
  { of: 'topic', name: 'fraud_alerts', operation: 'write' },
  { of: 'topic', name: 'fraud_alerts', operation: 'read' },
  { of: 'topic', name: 'dead_letters', operation: 'write' },
  { of: 'topic', name: 'scored', operation: 'write' },
  ...['transactions', 'users', 'cards', 'fraud_alerts', 'dead_letters', 'scored'].map(
    (name): Right => ({ of: 'topic', name, operation: 'describeConfigs' }),
  ),
  { of: 'group', name: 'least', operation: 'read' },
  { of: 'transactionalId', name: 'shrike-least-', isPrefix: true, operation: 'write' },
];

test('the rights that are documented are enough, and one that lacks is named', {
  timeout: LIMIT_MS,
}, async () => {
  const { bootstrap, username } = kafka;
  const least = () => run({ name: 'least', settings: scram(), env: password() });
  await grant(bootstrap, username, RIGHTS);
  try {
    const whole = await least();
    expect(whole.code, whole.stderr).toBe(0);
    const named: Readonly<Record<string, number>> = {
      transactions: RIGHTS.findIndex(({ operation }) => operation === 'read'),
      'topic scored': RIGHTS.findIndex(({ name }) => name === 'scored'),
      'group least': RIGHTS.length - 2,
      'shrike-least-': RIGHTS.length - 1,
    };
    for (const [name, index] of Object.entries(named)) {
      await rm(join(scratch, 'least'), { recursive: true });
      const right = RIGHTS[index] as Right;
      // Somebody else has it: a resource without any rule would be open to all.
      await grant(bootstrap, 'somebody-else', [right]);
      await revoke(bootstrap, username, [right]);
      const { code, stderr } = await least();
      await grant(bootstrap, username, [right]);
      expect({ code, name, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(new RegExp(`${name}[^]*KAFKA_NOT_AUTHORIZED`)),
      });
    }
  } finally {
    await revoke(bootstrap, username, RIGHTS);
    await revoke(bootstrap, 'somebody-else', RIGHTS);
  }
});
