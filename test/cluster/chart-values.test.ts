/** What the chart makes of values, and which it refuses. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  CHART,
  configurationOf,
  enginePod,
  helm,
  jobOf,
  manifestOf,
  manifestsOf,
  readText,
  render,
  tryRender,
  VALUE_SETS,
  valuesFile,
  withoutMonitoring,
} from '../support/chart.ts';
import { Command, shrike } from '../support/command-line.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

test.each(VALUE_SETS)('helm lint finds nothing in the chart with the values %s', async (set) => {
  const { code, stdout } = await helm('lint', '--strict', CHART, '-f', valuesFile(set));
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining('1 chart(s) linted, 0 chart(s) failed'),
  });
  expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
});

test.each(VALUE_SETS)('the values %s render as test/golden/chart has it', async (set) => {
  const text = withoutMonitoring(await render('-f', valuesFile(set)));
  await expect(text).toMatchFileSnapshot(`../golden/chart/${set}.yaml`);
});

const ROLE = 'arn:aws:iam::111122223333:role/a';
const ROLES = ['a', 'b']
  .map((job) => `jobs.schedules.${job}`)
  .map((job) => `${job}.schedule=@daily,${job}.image=i,${job}.roleArn=${ROLE}`)
  .join();

test.each([
  ['config.checkpoints.intervall=5000', "additional properties 'intervall' not allowed"],
  ['config.log.sync=never', "'/config/log/sync': value must be one of 'commit', 'interval'"],
  ['config.dataDir=elsewhere', "'/config': additional properties 'dataDir' not allowed"],
  ['config.s3.prefix=/team', "'/config/s3/prefix': '/team' does not match pattern"],
  ['config.input.partitions=0', "'/config/input/partitions': minimum: got 0, want 1"],
  ['replicaCount=two', "'/replicaCount': got string, want integer"],
  ['persistance.size=3Gi', "additional properties 'persistance' not allowed"],
  ['persistence.size=three', "'/persistence/size': 'three' does not match pattern"],
  ['image.digest=sha256:12', "'/image/digest': 'sha256:12' does not match pattern"],
  ['serviceAccount.roleArn=shrike', "'/serviceAccount/roleArn': 'shrike' does not match pattern"],
  ['replicaCount=2', 'more than one pod needs Kafka'],
  ['config.kafka.bootstrap=kafka:9092', 'set config.s3.bucket'],
  ['drill.enabled=true', 'a drill from another pod reads Kafka and the bucket'],
  ['jobs.schedules.a.schedule=@daily', "missing property 'args'"],
  ['jobs.schedules.a_b.image=train', "'a_b' does not match pattern"],
  [
    `jobs.schedules.a.serviceAccountName=x,jobs.schedules.b.serviceAccountName=x,${ROLES}`,
    'jobs.schedules.b has a roleArn, and so does another user of its account x',
  ],
  [
    `jobs.schedules.a.serviceAccountName=x,jobs.schedules.b.serviceAccountName=fraud-shrike,${ROLES}`,
    'jobs.schedules.b has a roleArn, and so does another user of its account fraud-shrike',
  ],
  [
    'jobs.schedules.a.image=a:1,jobs.schedules.a.roleArn=arn:aws:iam::111122223333:role/a',
    "properties 'serviceAccountName' required, if 'roleArn' exists",
  ],
  ['resources.limits.memory=null', 'set resources.limits.memory'],
  ['monitoring.docsUrl=docs/', "'/monitoring/docsUrl': 'docs/' does not match pattern"],
  ['ingress.enabled=true', 'ingress.enabled needs ingress.hosts'],
  ['config.kafka.sasl.mechanism=PLAIN', 'name its Secret in secrets.kafkaPassword.name'],
])('--set %s is refused: %s', async (value, message) => {
  const { code, stderr } = await tryRender('--set', value);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
});

test.each([
  ['production', 'autoscaling.maxReplicas', 25, 24],
  ['plain', 'replicaCount', 9, 8],
])('%s: more pods than partitions are refused: %s %i', async (set, key, pods, partitions) => {
  const { stderr } = await tryRender('-f', valuesFile(set), '--set', `${key}=${pods}`);
  expect(stderr).toContain(
    `${key} is ${pods}, but the input has ${partitions} partitions (config.input.partitions)`,
  );
});

test.each([
  // Wait, then commit 20 s, checkpoint 60 s or what the store is given, close 10 s.
  ['minimal', [], 95],
  ['minimal', ['config.s3.deadlineMs=15500'], 51],
  ['minimal', ['preStopSeconds=20'], 110],
  ['minimal', ['terminationGracePeriodSeconds=300'], 300],
  // The embedded log has no store to wait for.
  ['development', [], 35],
])('%s, %j: a pod may take %i seconds to end', async (set, values, seconds) => {
  const text = await render('-f', valuesFile(set), ...values.flatMap((one) => ['--set', one]));
  expect(enginePod(text).spec.terminationGracePeriodSeconds).toBe(seconds);
});

test.each(VALUE_SETS)('the engine accepts the configuration of the values %s', async (set) => {
  const file = join(await scratchFolder(), 'shrike.json');
  writeFileSync(file, configurationOf(await render('-f', valuesFile(set))));
  const command = new Command(['config', '--config', file, '--json'], {
    SHRIKE_KAFKA_INSTANCE_ID: 'fraud-shrike-0',
  });
  const { code, stdout, stderr } = await command.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const rows = JSON.parse(stdout) as { key: string; value: unknown; source: string }[];
  const valueOf = (key: string) => rows.find((row) => row.key === key)?.value;
  expect(valueOf('dataDir')).toBe('/var/lib/shrike');
  expect(valueOf('api.host')).toBe('0.0.0.0');
  expect(valueOf('api.port')).toBe(8080);
  expect(valueOf('api.hostNames')).toContain('fraud-shrike.payments.svc.cluster.local');
  expect(valueOf('kafka.instanceId')).toBe('fraud-shrike-0');
  const written = set === 'development' ? '' : expect.stringMatching(/./);
  expect(valueOf('s3.bucket')).toEqual(written);
});

test.each(VALUE_SETS)('the memory and the cores of the values %s hold an engine', async (set) => {
  const file = join(await scratchFolder(), 'shrike.json');
  const text = await render('-f', valuesFile(set));
  writeFileSync(file, configurationOf(text));
  const { cpu = '', memory = '' } = enginePod(text).spec.containers[0]?.resources.limits ?? {};
  const { code, stderr } = await shrike(
    ...['plan', '--config', file],
    ...['--memory', memory, '--cores', cpu],
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('files of Secrets are where the configuration looks for them', async () => {
  const text = await render(
    ...['-f', valuesFile('production')],
    ...['--set', 'secrets.kafkaClient.name=client,secrets.kafkaClient.certKey=user.crt'],
  );
  const { kafka } = JSON.parse(configurationOf(text)) as {
    kafka: { tls: Record<string, string>; sasl: Record<string, string> };
  };
  const files = [kafka.tls.caFile, kafka.tls.certFile, kafka.tls.keyFile, kafka.sasl.passwordFile];
  const pod = enginePod(text).spec as unknown as {
    containers: [{ volumeMounts: { name: string; mountPath: string }[] }];
    volumes: { name: string; secret?: { items: { key: string; path: string }[] } }[];
  };
  const mounted = pod.volumes.flatMap(({ name, secret }) => {
    const mount = pod.containers[0].volumeMounts.find((one) => one.name === name);
    return (secret?.items ?? []).map(({ key, path }) => [`${mount?.mountPath}/${path}`, key]);
  });
  expect(new Map(mounted as [string, string][])).toEqual(
    new Map([
      ['/etc/shrike/kafka-password/password', 'password'],
      ['/etc/shrike/kafka-ca/ca.pem', 'ca.crt'],
      ['/etc/shrike/kafka-client/cert.pem', 'user.crt'],
      ['/etc/shrike/kafka-client/key.pem', 'tls.key'],
    ]),
  );
  expect(new Set(files)).toEqual(new Set(mounted.map(([path]) => path)));
});

test('a job on schedule may run another program, with the secrets, role and network of an engine', async () => {
  const schedules = {
    train: {
      ...{ schedule: '0 1 * * 0', image: 'registry.example/train:3' },
      ...{ command: ['train'], args: ['--to', '/var/lib/shrike'], scratchSize: '40Gi' },
      env: [{ name: 'EPOCHS', value: '3' }],
    },
    lake: {
      ...{ schedule: '@daily', image: 'registry.example/compact:1' },
      ...{ deadlineSeconds: 60, serviceAccountName: 'lake' },
    },
    none: null,
  };
  const text = await render(
    '-f',
    valuesFile('plain'),
    '--set-json',
    `jobs=${JSON.stringify({ schedules })}`,
  );
  const train = jobOf(text, 'fraud-shrike-job-train');
  const lake = jobOf(text, 'fraud-shrike-job-lake');
  expect([train.activeDeadlineSeconds, lake.activeDeadlineSeconds]).toEqual([7200, 60]);
  expect(train.template.spec.containers).toMatchObject([
    {
      ...{
        image: 'registry.example/train:3',
        command: ['train'],
        args: ['--to', '/var/lib/shrike'],
      },
      env: [
        { name: 'AWS_ACCESS_KEY_ID' },
        { name: 'AWS_SECRET_ACCESS_KEY' },
        { name: 'EPOCHS', value: '3' },
      ],
    },
  ]);
  expect(train.template.spec).toMatchObject({ serviceAccountName: 'fraud-shrike' });
  expect(lake.template.spec).toMatchObject({ serviceAccountName: 'lake' });
  const { spec: policy = {} } = manifestOf(text, 'NetworkPolicy', 'fraud-shrike');
  const { matchLabels } = policy.podSelector as { readonly matchLabels: object };
  expect(lake.template.metadata.labels).toMatchObject(matchLabels);
  expect(lake.template.spec.volumes).toContainEqual({
    name: 'scratch',
    emptyDir: { sizeLimit: '10Gi' },
  });
});

test("with Terraform's values nothing in production is an example's, but what is said to be yours to give", async () => {
  const text = await render(
    ...['-f', valuesFile('production'), '-f', 'test/golden/terraform/helm-values.yaml'],
    ...['--set', `image.digest=sha256:${'1'.repeat(64)},ingress.enabled=false`],
  );
  expect(withoutMonitoring(text)).not.toMatch(
    /111122223333|fraud-checkpoints|shrike-archive|eu-central-1|example/,
  );
  const repository = '000000000000.dkr.ecr.us-east-1.amazonaws.com/shrike';
  const imageOf = (name: string) => jobOf(text, name).template.spec.containers[0]?.image;
  expect(imageOf('fraud-shrike-job-train')?.replace(/^\d+/, '000000000000')).toBe(
    `${repository}-training:0.1.0`,
  );
  const digest = `r.example/train@sha256:${'2'.repeat(64)}`;
  const pinned = await render(
    ...['-f', valuesFile('production'), '-f', 'test/golden/terraform/helm-values.yaml'],
    ...['--set', `jobs.schedules.train.image=${digest}`],
  );
  expect(jobOf(pinned, 'fraud-shrike-job-train').template.spec.containers[0]?.image).toBe(digest);
  const names = manifestsOf(text).flatMap(({ kind, metadata: { name } }) =>
    kind === 'CronJob' || kind === 'ServiceAccount' ? [`${kind} ${name}`] : [],
  );
  expect(names.toSorted()).toEqual([
    ...['drill-newest', 'drill-previous', 'job-lake', 'job-train', 'job-verify'].map(
      (name) => `CronJob fraud-shrike-${name}`,
    ),
    ...['ServiceAccount shrike', 'ServiceAccount shrike-lake'],
  ]);
  const role = 'arn:aws:iam::123456789012:role/shrike-lake-compaction';
  expect(manifestOf(text, 'ServiceAccount', 'shrike-lake')).toMatchObject({
    metadata: { annotations: { 'eks.amazonaws.com/role-arn': role } },
  });
  expect(jobOf(text, 'fraud-shrike-job-lake').template.spec).toMatchObject({
    serviceAccountName: 'shrike-lake',
  });
});

test('without the schedules of another file the jobs of Terraform are not made, and null takes one out', async () => {
  const jobsOf = async (...more: readonly string[]) =>
    manifestsOf(await render('-f', valuesFile('minimal'), ...more)).flatMap(
      ({ kind, metadata: { name } }) => (kind === 'CronJob' ? [name] : []),
    );
  const terraform = ['-f', 'test/golden/terraform/helm-values.yaml'];
  expect(await jobsOf(...terraform)).toEqual([]);
  const production = ['-f', valuesFile('production'), ...terraform];
  expect(
    await jobsOf(...production, '--set', 'jobs.schedules.train=null,drill.enabled=false'),
  ).toEqual(['fraud-shrike-job-lake', 'fraud-shrike-job-verify']);
});

const rulesIn = (text: string) => manifestsOf(text).filter(({ kind }) => kind === 'PrometheusRule');

const boardsIn = (text: string) =>
  manifestsOf(text).filter(({ metadata }) => metadata.labels?.grafana_dashboard === '1');

// That the files are those of grafana/ is the matter of test/deploy/chart-files.test.ts.
test('rules reach the cluster as they stand in their files', async () => {
  const rules = rulesIn(await render('-f', valuesFile('production')));
  expect(rules.length).toBeGreaterThan(0);
  for (const { metadata, spec } of rules) {
    const file = `files/alerts/${metadata.name.replace('fraud-shrike-', '')}.yaml`;
    const rule = readText(`${CHART}/${file}`);
    const own = 'statefulset="fraud-shrike", namespace="payments"';
    expect(spec).toEqual(parse(rule.replaceAll('statefulset=~".*shrike.*"', own)));
    expect(metadata.labels).toMatchObject({ release: 'prometheus' });
  }
});

test('dashboards reach the cluster as they stand in their files', async () => {
  const boards = boardsIn(await render('-f', valuesFile('plain')));
  expect(boards.length).toBeGreaterThan(0);
  for (const { data } of boards) {
    for (const [name, text] of Object.entries(data ?? {})) {
      expect(text.trim()).toBe(readText(`${CHART}/files/dashboards/${name}`).trim());
    }
  }
});

test('links of alerts and dashboards lead to where the documents are published', async () => {
  const docsUrl = 'https://wiki.example/shrike/docs';
  const text = await render(
    '-f',
    valuesFile('production'),
    '--set',
    `monitoring.docsUrl=${docsUrl}`,
  );
  const links = rulesIn(text)
    .flatMap(({ spec }) => [...JSON.stringify(spec).matchAll(/"runbook_url":"([^"]*)"/g)])
    .map(([, link]) => link as string);
  expect(links.length).toBeGreaterThan(20);
  expect(links.filter((link) => !link.startsWith(`${docsUrl}/operations.md#shrike`))).toEqual([]);
  const boards = boardsIn(text);
  expect(boards.length).toBeGreaterThan(0);
  const addresses = boards.flatMap(({ data }) =>
    Object.values(data ?? {}).map((board) => docsOf(JSON.parse(board))),
  );
  expect(addresses).toEqual(boards.map(() => docsUrl));
});

interface Dashboard {
  readonly templating: { readonly list: readonly { name: string; query: string }[] };
}

function docsOf({ templating }: Dashboard): string | undefined {
  return templating.list.find(({ name }) => name === 'docs')?.query;
}

test('nothing of an operator is rendered where there is none', async () => {
  const kinds = manifestsOf(await render('-f', valuesFile('plain'))).map(({ kind }) => kind);
  const known = ['ServiceMonitor', 'PrometheusRule', 'ScaledObject'];
  expect(kinds.filter((kind) => known.includes(kind))).toEqual([]);
});

test('with its places given, the policy lets nothing out to anywhere but names', async () => {
  const peer = '[0].ipBlock.cidr=10.0.0.0/16';
  const text = await render(
    ...['-f', valuesFile('production')],
    ...['--set', `networkPolicy.storeTo${peer},networkPolicy.stsTo${peer}`],
  );
  const { spec } = manifestOf(text, 'NetworkPolicy', 'fraud-shrike') as unknown as {
    spec: { egress: { ports: { port: number }[]; to?: unknown }[] };
  };
  const open = spec.egress.filter(({ to }) => to === undefined);
  expect(open.map(({ ports }) => ports.map(({ port }) => port))).toEqual([[53, 53]]);
});

test('replicas that are missing are those of the release, whatever its name', async () => {
  const values = ['-f', valuesFile('production'), '--set', 'fullnameOverride=fraud'];
  const text = await render(...values);
  const asked = text.match(/kube_statefulset_\w+\{.*?\}/g) ?? [];
  expect(asked).toHaveLength(2);
  for (const one of asked) expect(one).toContain('{statefulset="fraud", namespace="');
});

test('production takes the checkpoints that its price was reckoned with', () => {
  const { config } = parse(readText(valuesFile('production'))) as { config: unknown };
  const { checkpoints } = JSON.parse(readText('deploy/costs.json')) as {
    checkpoints: { intervalSeconds: number; compactAfterSegments: number };
  };
  const { intervalSeconds, compactAfterSegments } = checkpoints;
  expect(config).toMatchObject({
    checkpoints: { intervalMs: intervalSeconds * 1000, compactAfterSegments },
  });
});
