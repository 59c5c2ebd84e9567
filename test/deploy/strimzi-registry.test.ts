/**
 * The schema registry of deploy/strimzi and of the Compose file: the program of their image, with
 * their variables, on a real broker; Strimzi's with its login's rules.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type * as Program from '../../src/cli/local-program.ts';
import type * as Topology from '../../src/cli/local-topology.ts';
import { builtUrl } from '../support/built.ts';
import { blocksOf } from '../support/command-blocks.ts';
import { until } from '../support/command-line.ts';
import { COMPOSE, composeModel, madeSecrets } from '../support/compose.ts';
import { grant, type Right, revoke } from '../support/kafka-acls.ts';
import { type KafkaBroker, sharedKafka, startKafka } from '../support/kafka-broker.ts';
import { consumeAll } from '../support/rdkafka.ts';
import { type ServedProgram, serve } from '../support/served-program.ts';
import { freePorts, serverFolder } from '../support/server-folder.ts';
import { type Resource, rendered, rightsOf } from '../support/strimzi.ts';
import { createTopics, refuseWithoutRule, ruleOf } from '../support/strimzi-broker.ts';

const LIMIT_MS = 300_000;
const FORMATS = 'docs/formats';
const MANUAL = readFileSync(join(FORMATS, 'README.md'), 'utf8');
const TOPICS = MANUAL.match(/for topic in (.*);/)?.[1]?.split(' ') ?? [];

let kafka: KafkaBroker;
let resources: readonly Resource[];
let rights: readonly Right[];
let command: readonly string[];

interface Deployment extends Resource {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly [
          {
            readonly env: readonly { readonly name: string; readonly value?: string }[];
            readonly readinessProbe: { readonly httpGet: { readonly path: string } };
          },
        ];
      };
    };
  };
}

beforeAll(async () => {
  [resources, kafka] = await Promise.all([
    rendered('overlays/development'),
    startKafka({ secure: true }),
  ]);
  command = execFileSync('bash', ['tools/install-registry.sh'], { encoding: 'utf8' })
    .trim()
    .split(' ');
  rights = rightsOf(resources, 'schema-registry');
  await createTopics(kafka, resources);
  await refuseWithoutRule(kafka);
}, LIMIT_MS);
afterAll(() => kafka.remove());

/** Another value than the file's, for what is elsewhere here. */
type Here = Readonly<Record<string, string>>;

function withHere(env: Here, here: Here): Here {
  expect(Object.keys(env)).toEqual(expect.arrayContaining(Object.keys(here)));
  return { ...env, ...here };
}

interface Registry extends ServedProgram {
  /** Of Confluent's API. */
  readonly address: string;
}

async function start(env: Here, path: string, givesUp?: (said: string) => boolean) {
  const port = await freePorts();
  const server = await serve(command, {
    env: {
      ...env,
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_MANAGEMENT_HOST: '127.0.0.1',
      QUARKUS_MANAGEMENT_PORT: String(port + 1),
    },
    ready: `http://127.0.0.1:${port + 1}${path}`,
    ...(givesUp === undefined ? {} : { givesUp }),
  });
  return { ...server, address: `http://127.0.0.1:${port}/apis/ccompat/v7` } satisfies Registry;
}

/** As its pod of deploy/strimzi, on the listener that is there: TLS and SCRAM. */
function startOfStrimzi(givesUp?: (said: string) => boolean): Promise<Registry> {
  const deployment = resources.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'schema-registry',
  ) as Deployment;
  const [{ env, readinessProbe }] = deployment.spec.template.spec.containers;
  const login = `username="${kafka.username}" password="${kafka.password}"`;
  const of = Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'of a Secret']));
  const here = withHere(of, {
    APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: kafka.saslTlsBootstrap,
    APICURIO_KAFKA_COMMON_SASL_JAAS_CONFIG: `org.apache.kafka.common.security.scram.ScramLoginModule required ${login};`,
    APICURIO_KAFKA_COMMON_SSL_TRUSTSTORE_LOCATION: kafka.tls.caFile,
  });
  expect(Object.values(here)).not.toContain('of a Secret');
  return start(here, readinessProbe.httpGet.path, givesUp);
}

const schemaOf = (topic: string): unknown =>
  JSON.parse(readFileSync(join(FORMATS, `${topic}.schema.json`), 'utf8'));

/** As docs/formats says. @returns the ids, in the order of its list */
function registerAll(address: string): readonly number[] {
  const block = blocksOf(MANUAL).find(({ language }) => language === 'sh')?.text ?? '';
  const env = { ...process.env, REGISTRY: address };
  const answers = execFileSync('bash', ['-euo', 'pipefail', '-c', block], {
    env,
    encoding: 'utf8',
  });
  return [...answers.matchAll(/"id":(\d+)/g)].map(([, id]) => Number(id));
}

async function registered(address: string, id: number): Promise<unknown> {
  const answer = await fetch(`${address}/schemas/ids/${id}`);
  return JSON.parse(((await answer.json()) as { schema: string }).schema);
}

test('every schema is in the list of those to register', () => {
  const files = readdirSync(FORMATS).filter((name) => name.endsWith('.schema.json'));
  expect(TOPICS.map((topic) => `${topic}.schema.json`).toSorted()).toEqual(files.toSorted());
});

test('with its rules it takes our schemas, says what has changed, and has them when it starts again', {
  timeout: LIMIT_MS,
}, async () => {
  await grant(kafka.bootstrap, kafka.username, rights);
  const first = await startOfStrimzi();
  const ids = registerAll(first.address);
  expect(new Set(ids).size).toBe(TOPICS.length);
  await until(async () => (await consumeAll(kafka.bootstrap, 'registry-events')).length > 0);
  await first.end();
  const second = await startOfStrimzi();
  for (const [i, topic] of TOPICS.entries())
    expect(await registered(second.address, ids[i] ?? 0)).toEqual(schemaOf(topic));
  await second.end();
});

test.each([
  ['topic kafkasql-journal read', /Not authorized to access topics: \[kafkasql-journal\]/],
  ['group apicurio- read', /Not authorized to access group: apicurio-/],
])(
  'without %s it does not become ready, and says so',
  { timeout: LIMIT_MS },
  async (rule, says) => {
    const lacks = rights.filter((right) => ruleOf(right) === rule);
    expect(lacks).toHaveLength(1);
    await revoke(kafka.bootstrap, kafka.username, lacks);
    await expect(startOfStrimzi((said) => says.test(said))).rejects.toThrow(says);
    await grant(kafka.bootstrap, kafka.username, lacks);
  },
);

test('that of the Compose file is ready with its few variables', {
  timeout: LIMIT_MS,
}, async () => {
  const secrets = await madeSecrets();
  const { services } = await composeModel(join(COMPOSE, 'compose.yaml'), join(secrets, '.env'));
  await rm(secrets, { recursive: true });
  const { environment = {}, healthcheck } = services['schema-registry'] ?? {};
  const path = healthcheck?.test.join(' ').match(/GET (\S+) /)?.[1] ?? '';
  // A broker that has no topics of it.
  const { bootstrap } = await sharedKafka();
  const here = { APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: bootstrap };
  const registry = await start(withHere(environment, here), path);
  expect(registerAll(registry.address)).toHaveLength(TOPICS.length);
  await registry.end();
});

test('`shrike up --all` starts it with the variables of the Compose file', {
  timeout: LIMIT_MS,
}, async () => {
  const secrets = await madeSecrets();
  const { services } = await composeModel(join(COMPOSE, 'compose.yaml'), join(secrets, '.env'));
  await rm(secrets, { recursive: true });
  const { QUARKUS_HTTP_PORT: inContainer, ...environment } =
    services['schema-registry']?.environment ?? {};
  expect(inContainer).toBeDefined();
  const { registryProgram } = (await import(
    builtUrl('src/cli/local-topology.js').href
  )) as typeof Topology;
  const { startProgram, stopProgram } = (await import(
    builtUrl('src/cli/local-program.js').href
  )) as typeof Program;
  const { bootstrap } = await sharedKafka();
  const port = await freePorts();
  const folder = serverFolder('up-registry');
  const program = await registryProgram({
    ...{ folder, rate: '1', historyDays: 0 },
    servers: {
      brokers: [bootstrap],
      s3: { bucket: '', endpoint: '', region: '', pathStyle: true },
    },
    ports: { engine: 0, prometheus: 0, registry: port },
  });
  const quarkus = Object.keys(program.env).filter((name) => name.startsWith('QUARKUS_'));
  const own = Object.fromEntries(quarkus.map((name) => [name, program.env[name]]));
  const here = { APICURIO_KAFKASQL_BOOTSTRAP_SERVERS: bootstrap };
  expect(program.env).toEqual({ ...withHere(environment, here), ...own });
  await startProgram(folder, program);
  const answer = await fetch(`http://127.0.0.1:${port}/apis/ccompat/v7/subjects`);
  expect(Array.isArray(await answer.json())).toBe(true);
  expect(await stopProgram(folder, 'schema-registry')).toBe(true);
});
