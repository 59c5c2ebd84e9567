/** deploy/compose, read as `docker compose` reads it; compose-run.test.ts runs what it starts. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { OTHER_VARIABLES } from '../../src/cli/other-variables.ts';
import { loadConfig } from '../../src/config/loader.ts';
import { Command } from '../support/command-line.ts';
import {
  COMPOSE,
  type ComposeModel,
  type ComposeService,
  composeModel,
  madeSecrets,
} from '../support/compose.ts';

const run = promisify(execFile);
const FILE = join(COMPOSE, 'compose.yaml');
const FIRST_BUILD_MS = 300_000;

let secrets: string;
let model: ComposeModel;
const text = (path: string) => readFile(join(COMPOSE, path), 'utf8');

beforeAll(async () => {
  secrets = await madeSecrets();
  model = await composeModel(FILE, join(secrets, '.env'));
}, FIRST_BUILD_MS);
afterAll(() => rm(secrets, { recursive: true }));

const services = () => Object.entries(model.services);
/** Names of the services of which something does not hold. */
const without = (holds: (service: ComposeService, name: string) => boolean) =>
  services()
    .filter(([name, service]) => !holds(service, name))
    .map(([name]) => name);
const service = (name: string) => model.services[name] as ComposeService;
/** One that others wait for until it has ended. */
const isOneShot = (name: string) =>
  services().some(
    ([, { depends_on: needs }]) => needs?.[name]?.condition === 'service_completed_successfully',
  );
const ofShrike = () => services().filter(([, { image }]) => image.startsWith('shrike:'));

test('every service of the demo is there', () => {
  expect(Object.keys(model.services).toSorted()).toEqual([
    ...['alerts', 'clickhouse', 'grafana', 'kafka', 'kafka-ui', 'minio', 'minio-setup'],
    ...['prometheus', 'replay', 'schema-registry', 'shrike-0', 'shrike-1', 'simulator'],
  ]);
});

describe('the check', () => {
  const refused = async (change: (yaml: string) => string) => {
    const folder = await mkdtemp(join(tmpdir(), 'shrike-broken-'));
    try {
      const broken = join(folder, 'compose.yaml');
      await writeFile(broken, change(await text('compose.yaml')));
      return await composeModel(broken, join(secrets, '.env')).then(
        () => 'accepted',
        (error: Error) => error.message,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  test('accepts the file as it is from another place, and refuses what is wrong in it', async () => {
    expect(await refused((yaml) => yaml)).toBe('accepted');
    expect(await refused((yaml) => yaml.replace('stop_grace_period:', 'stop_grace:'))).toMatch(
      /services\.shrike-[01]\.stop_grace false schema/,
    );
    const misspelt = await refused((yaml) => yaml.replace('minio: { cond', 'mino: { cond'));
    expect(misspelt).toContain('depends on undefined service "mino"');
    const untyped = await refused((yaml) => yaml.replace('"127.0.0.1:${GRAFANA', '"x:${GRAFANA'));
    expect(untyped).toContain('Invalid ip address: x');
  });

  test('without secrets nothing starts, and what is missing is told', async () => {
    await expect(composeModel(FILE, '/dev/null')).rejects.toThrow(
      'required variable MINIO_ROOT_PASSWORD is missing a value: run ./secrets.sh first',
    );
  });
});

describe('secrets.sh', () => {
  test('makes secrets of chance, for this user alone, and never replaces them', async () => {
    const other = await madeSecrets();
    try {
      const [one, two] = await Promise.all(
        [secrets, other].map((folder) => readFile(join(folder, '.env'), 'utf8')),
      );
      const values = `${one}${two}`.match(/^[A-Z_]+(?:PASSWORD|_KEY|USER)=.*$/gm) ?? [];
      expect(values).toHaveLength(14);
      expect(new Set(values).size).toBe(14);
      expect(values.filter((line) => !/=[0-9a-f]{20,}$/.test(line))).toEqual([]);
      expect((await stat(join(other, '.env'))).mode & 0o777).toBe(0o600);
      await expect(run('bash', [join(other, 'secrets.sh')])).rejects.toThrow('is there already');
      expect(await readFile(join(other, '.env'), 'utf8')).toBe(two);
    } finally {
      await rm(other, { recursive: true });
    }
  });

  test('.env is ignored by git, and .env.example holds no secret', async () => {
    expect((await text('.gitignore')).split('\n')).toContain('.env');
    expect((await text('.env.example')).match(/(?:PASSWORD|_KEY|USER)=.+/g)).toBe(null);
  });
});

describe('every service', () => {
  test('has an image of one version', () => {
    expect(without(({ image }) => /:(?:v?\d+(?:\.\d+)+|RELEASE\.\S+|local)$/.test(image))).toEqual(
      [],
    );
  });

  test('tells whether it is well, or ends', () => {
    const tells = ({ healthcheck }: ComposeService) =>
      healthcheck?.test[0]?.startsWith('CMD') === true && healthcheck.interval !== undefined;
    expect(without((one, name) => tells(one) || isOneShot(name))).toEqual([]);
  });

  test('has limits of memory and of cores, which a laptop can bear together', () => {
    const limits = ({ deploy }: ComposeService) => deploy?.resources?.limits;
    expect(without((one) => Number(limits(one)?.memory) > 0)).toEqual([]);
    expect(without((one) => Number(limits(one)?.cpus) > 0)).toEqual([]);
    const bytes = services().map(([, one]) => Number(limits(one)?.memory));
    expect(bytes.reduce((sum, one) => sum + one) / 2 ** 30).toBeLessThan(10);
  });

  test('starts again by itself, gains no rights, and has none to begin with', () => {
    expect(without(({ restart }) => /^(?:unless-stopped|on-failure)$/.test(restart ?? ''))).toEqual(
      [],
    );
    expect(without((one) => one.cap_drop?.join() === 'ALL')).toEqual([]);
    expect(without((one) => one.security_opt?.join() === 'no-new-privileges:true')).toEqual([]);
    expect(without((one) => one.privileged !== true)).toEqual([]);
  });

  test('has a root file system that cannot be written, where its image allows it', async () => {
    const writable = without((one) => one.read_only === true);
    expect(writable.toSorted()).toEqual(['clickhouse', 'kafka', 'schema-registry']);
  });

  test('is published on loopback alone, no port twice', () => {
    const ports = services().flatMap(([, one]) => one.ports ?? []);
    expect(ports.filter((port) => port.host_ip !== '127.0.0.1')).toEqual([]);
    const published = ports.map((port) => Number(port.published)).toSorted((a, b) => a - b);
    expect(published).toEqual([3000, 8081, 8082, 8123, 8477, 8478, 9000, 9001, 9090, 9092]);
  });

  test('waits for what it needs until that is healthy, or done', () => {
    const waits = services().flatMap(([name, { depends_on: needs = {} }]) =>
      Object.entries(needs).map(([needed, { condition }]) => ({ name, needed, condition })),
    );
    const wrong = waits.filter(
      ({ needed, condition }) =>
        condition !== (isOneShot(needed) ? 'service_completed_successfully' : 'service_healthy'),
    );
    expect(waits).toHaveLength(17);
    expect(wrong).toEqual([]);
  });

  test('keeps what it stores in a volume with a name, and mounts files that are there', () => {
    const stored = services().flatMap(([name, one]) =>
      (one.volumes ?? []).flatMap(({ type, target }) => (type === 'volume' ? [name, target] : [])),
    );
    expect(stored).toEqual([
      ...['clickhouse', '/var/lib/clickhouse', 'grafana', '/var/lib/grafana'],
      ...['kafka', '/var/lib/kafka/data', 'minio', '/data', 'prometheus', '/prometheus'],
      ...['replay', '/var/lib/shrike', 'shrike-0', '/var/lib/shrike'],
      ...['shrike-1', '/var/lib/shrike'],
    ]);
    const bound = services().flatMap(([, one]) =>
      (one.volumes ?? []).filter(({ type }) => type === 'bind'),
    );
    expect(bound.filter((mount) => mount.read_only !== true)).toEqual([]);
    // The user's own files.
    const missing = bound.filter(({ source }) => !existsSync(source) && !source.endsWith('kaggle'));
    expect(missing).toEqual([]);
  });
});

describe('Shrike in it', () => {
  const configOf = ({ environment = {} }: ComposeService) =>
    loadConfig({ env: { ...environment }, flags: {}, otherVariables: OTHER_VARIABLES }).config;

  test('has settings that the engine accepts', () => {
    const configs = ofShrike().map(([name, one]) => [name, configOf(one).kafka.bootstrap]);
    expect(configs).toEqual([
      ...[
        ['alerts', 'kafka:9092'],
        ['replay', 'kafka:9092'],
        ['shrike-0', 'kafka:9092'],
      ],
      ...[
        ['shrike-1', 'kafka:9092'],
        ['simulator', 'kafka:9092'],
      ],
    ]);
    const misspelt = { environment: { SHRIKE_KAFKA_BOTSTRAP: 'kafka:9092' } };
    expect(() => configOf(misspelt as unknown as ComposeService)).toThrow('SHRIKE_KAFKA_BOOTSTRAP');
  });

  test('is two members with names and folders of their own, otherwise alike', () => {
    const [one, two] = [configOf(service('shrike-0')), configOf(service('shrike-1'))];
    expect([one.kafka.instanceId, two.kafka.instanceId]).toEqual(['shrike-0', 'shrike-1']);
    expect([one.api.hostNames, two.api.hostNames]).toEqual(['shrike-0', 'shrike-1']);
    const alike = ({ kafka, api, ...rest }: typeof one) => ({
      ...rest,
      kafka: { ...kafka, instanceId: '' },
      api: { ...api, hostNames: '' },
    });
    expect(alike(one)).toEqual(alike(two));
    const volumes = [service('shrike-0'), service('shrike-1')].map((s) => s.volumes?.[0]?.source);
    expect(volumes).toEqual(['shrike-0', 'shrike-1']);
  });

  test('has limits that its memory plan goes into', async () => {
    const { deploy, environment = {} } = service('shrike-0');
    const { memory, cpus } = deploy?.resources?.limits ?? { memory: '', cpus: 0 };
    const plan = (bytes: number) => {
      const limits = ['--memory', `${bytes / 2 ** 20}Mi`, '--cores', String(cpus)];
      return new Command(['plan', ...limits], environment).ended;
    };
    const { code, stdout, stderr } = await plan(Number(memory));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('1024.0 MiB, 8 partitions, actor threads: 2, scorers: 1\n');
    expect((await plan(Number(memory) / 4)).code).toBe(1);
  });

  test('may do in its bucket what the documentation says, and no more', async () => {
    const documented = /"Action": (\["s3:GetObject".*?\])/.exec(
      await readFile('docs/operations.md', 'utf8'),
    )?.[1];
    const policy = JSON.parse(await text('minio/policy.json')) as {
      Statement: { Effect: string; Action: string[]; Resource: string[] }[];
    };
    const { bucket } = configOf(service('shrike-0')).s3;
    expect(policy.Statement.map((one) => [one.Effect, one.Action])).toEqual([
      ['Allow', ['s3:ListBucket']],
      ['Allow', JSON.parse(documented ?? '')],
      ['Deny', ['s3:DeleteObjectVersion']],
    ]);
    expect(policy.Statement.flatMap((one) => one.Resource)).toEqual([
      `arn:aws:s3:::${bucket}`,
      `arn:aws:s3:::${bucket}/*`,
      `arn:aws:s3:::${bucket}/*`,
    ]);
    expect(await text('minio/setup.sh')).toContain(`mc mb --ignore-existing store/${bucket}\n`);
    const { MINIO_ROOT_PASSWORD: root } = service('minio').environment ?? {};
    const given = Object.values(service('shrike-0').environment ?? {});
    expect(given).not.toContain(root);
  });

  test('is built once, from the Dockerfile, and finds there what it relies on', async () => {
    const built = ofShrike().filter(([, one]) => one.build !== undefined);
    expect(built.map(([name, one]) => [name, one.build?.dockerfile])).toEqual([
      ['shrike-0', 'deploy/docker/Dockerfile'],
    ]);
    expect(resolve(built[0]?.[1].build?.context ?? '')).toBe(resolve('.'));
    const image = await readFile('deploy/docker/Dockerfile', 'utf8');
    expect(image).toContain('ENTRYPOINT ["/usr/local/bin/shrike"]\n');
    expect(image).toContain('COPY --from=build /usr/local/bin/node /usr/local/bin/node\n');
    expect(image).toContain('VOLUME /var/lib/shrike\n');
  });
});

describe('Prometheus and Grafana', () => {
  interface Scrape {
    readonly job_name: string;
    readonly static_configs: readonly { readonly targets: readonly string[] }[];
  }

  test('Prometheus accepts its configuration, with the rules', async () => {
    const { stdout: folder } = await run('bash', ['tools/install-prometheus.sh']);
    const config = (await text('prometheus/prometheus.yaml')).replace(
      '/etc/prometheus/alerts',
      resolve('grafana/alerts'),
    );
    const file = join(secrets, 'prometheus.yaml');
    const check = async (yaml: string) => {
      await writeFile(file, yaml);
      return run(join(folder.trim(), 'promtool'), ['check', 'config', file]);
    };
    const rules = (await readdir('grafana/alerts')).filter((name) => name.endsWith('.yaml'));
    const { stdout } = await check(config);
    expect(stdout.match(/SUCCESS: \d+ rules found/g)).toHaveLength(rules.length);
    await expect(check(config.replace('rule_files', 'rules_files'))).rejects.toThrow('rules_files');
  }, 120_000);

  test('every target is a service, and asks for the port that it listens on', async () => {
    const { scrape_configs: scrapes } = parse(await text('prometheus/prometheus.yaml')) as {
      scrape_configs: readonly Scrape[];
    };
    const targets = scrapes.map(({ job_name: job, static_configs: [first] }) => [
      job,
      first?.targets.join(),
    ]);
    expect(targets).toEqual([
      ['shrike', 'shrike-0:8080,shrike-1:8080'],
      ['minio', 'minio:9000'],
      ['prometheus', '127.0.0.1:9090'],
    ]);
    for (const name of ['shrike-0', 'shrike-1']) {
      expect(service(name).environment).toMatchObject({
        SHRIKE_API_PORT: '8080',
        SHRIKE_API_HOST_NAMES: name,
      });
    }
  });

  test('Grafana finds its source and its dashboards where they are mounted', async () => {
    const provisioned = 'grafana/provisioning/dashboards/shrike.yaml';
    const { providers } = parse(await readFile(provisioned, 'utf8')) as {
      providers: readonly { options: { path: string } }[];
    };
    const { global } = parse(await text('prometheus/prometheus.yaml')) as {
      global: { scrape_interval: string };
    };
    expect(service('grafana').environment).toMatchObject({
      SHRIKE_PROMETHEUS: expect.stringMatching(/:\/\/prometheus:9090$/),
      SHRIKE_SCRAPE_INTERVAL: global.scrape_interval,
    });
    const mounts = service('grafana').volumes?.map(({ source, target }) => [source, target]);
    expect(mounts).toContainEqual([resolve('grafana/dashboards'), providers[0]?.options.path]);
    expect(mounts).toContainEqual([resolve('grafana/provisioning'), '/etc/grafana/provisioning']);
  });
});
