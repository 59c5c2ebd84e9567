/**
 * `deploy/terraform`: what it makes on moto, and what the engine can do with the rights it gives.
 * One apply serves all tests of this file; moto lacks add-ons and administrators, which are planned
 * only.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { objectStoreConformance } from '../conformance/object-store.ts';
import { assumeRole, clientOf } from '../support/minio-role.ts';
import { type MinioServer, sharedMinio } from '../support/minio-server.ts';
import { type Moto, startMoto } from '../support/moto.ts';
import { s3Store, withEnvironment } from '../support/s3-stores.ts';
import { renderedConnectWithRole } from '../support/strimzi.ts';
import { openTerraform, type Policy, type Terraform } from '../support/terraform.ts';

const ACCOUNT = '123456789012';
const BUCKET = `shrike-checkpoints-${ACCOUNT}-us-east-1`;
const LAKE = `shrike-lake-${ACCOUNT}-us-east-1`;
const SET = ['-var=api_cidrs=["203.0.113.7/32"]', '-var=local_nvme_nodes={}', '-var=lake={}'];
const KNOWN_TO_MOTO = [
  ...['network', 'cluster', 'checkpoints', 'lake', 'registry'].map(
    (name) => `-target=module.${name}`,
  ),
  ...['engine_role', 'lake_role', 'lake_compaction_role'].map((name) => `-target=module.${name}`),
  '-target=aws_kms_alias.cluster',
  '-target=aws_kms_alias.storage',
];
/** What moto gives back as it was given; its clusters and nodes come back otherwise. */
const STABLE = ['network', 'checkpoints', 'lake', 'registry'].map(
  (name) => `-target=module.${name}`,
);

let tools: string;
let scratch: string;
let moto: Moto;
let terraform: Terraform;
let s3: S3Client;

const execute = promisify(execFile);

beforeAll(async () => {
  tools = (await execute('bash', ['tools/install-terraform-checks.sh'])).stdout.trim();
  scratch = await mkdtemp(join(tmpdir(), 'shrike-terraform-'));
  moto = await startMoto(tools);
  terraform = await openTerraform(scratch, moto.env);
  await terraform.apply([...SET, ...KNOWN_TO_MOTO]);
  s3 = new S3Client({
    endpoint: moto.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' },
  });
}, 800_000);

afterAll(async () => {
  s3?.destroy();
  await moto?.remove();
  await rm(scratch, { recursive: true, force: true });
});

test('the files are written the way terraform formats them, and are valid', async () => {
  expect(await terraform.run(['fmt', '-check', '-recursive', '-diff'])).toBe('');
  expect(await terraform.run(['validate'])).toContain('The configuration is valid.');
});

test('what was applied is what is asked for: a second plan finds nothing to change', async () => {
  const plan = await terraform.run(['plan', ...terraform.state, ...SET, ...STABLE]);
  expect(plan).toContain('No changes.');
});

test('checkov finds nothing that has no reason beside it', async () => {
  const flags = ['-d', 'deploy/terraform', '--framework', 'terraform'];
  const { stdout } = await execute(
    join(tools, 'venv/bin/python'),
    ['-m', 'checkov.main', ...flags, '--skip-download', '--compact', '-o', 'json'],
    { maxBuffer: 64 << 20 },
  );
  const { results, summary } = JSON.parse(stdout) as {
    readonly results: { readonly skipped_checks: readonly { check_result: object }[] };
    readonly summary: { readonly passed: number; readonly failed: number };
  };
  expect(summary.failed).toBe(0);
  expect(summary.passed).toBeGreaterThan(200);
  expect(results.skipped_checks.length).toBeGreaterThan(0);
  for (const { check_result } of results.skipped_checks) {
    expect(check_result).toMatchObject({ suppress_comment: expect.stringMatching(/\w{3,}/) });
  }
});

test('the bucket of checkpoints is versioned, encrypted, private and reached by TLS only', async () => {
  const of = { Bucket: BUCKET };
  expect(await s3.send(new GetBucketVersioningCommand(of))).toMatchObject({ Status: 'Enabled' });
  const key = terraform.attributes('aws_kms_key.storage').arn;
  expect(await s3.send(new GetBucketEncryptionCommand(of))).toMatchObject({
    ServerSideEncryptionConfiguration: {
      Rules: [
        {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key },
          BucketKeyEnabled: true,
        },
      ],
    },
  });
  expect(await s3.send(new GetPublicAccessBlockCommand(of))).toMatchObject({
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
  });
  const { Policy = '{}' } = await s3.send(new GetBucketPolicyCommand(of));
  expect(JSON.parse(Policy)).toMatchObject({
    Statement: [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:*',
        Resource: [`arn:aws:s3:::${BUCKET}/*`, `arn:aws:s3:::${BUCKET}`],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ],
  });
});

test('nothing in the bucket expires by its age, only old versions and parts left behind', async () => {
  const { Rules = [] } = await s3.send(
    new GetBucketLifecycleConfigurationCommand({ Bucket: BUCKET }),
  );
  const rules = Rules.map(({ Filter, Expiration, ...rest }) => ({
    prefix: Filter?.Prefix ?? '',
    days: Expiration?.Days,
    marker: Expiration?.ExpiredObjectDeleteMarker,
    versions: rest.NoncurrentVersionExpiration?.NoncurrentDays,
    parts: rest.AbortIncompleteMultipartUpload?.DaysAfterInitiation,
  }));
  expect(rules).toEqual([{ prefix: '', days: undefined, marker: true, versions: 2, parts: 1 }]);
});

test('the registry gives a tag once and scans what is pushed', () => {
  for (const name of ['shrike', 'shrike-training']) {
    const address = `module.registry.aws_ecr_repository.this["${name}"]`;
    expect(terraform.attributes(address)).toMatchObject({
      name,
      image_tag_mutability: 'IMMUTABLE',
      image_scanning_configuration: [{ scan_on_push: true }],
      encryption_configuration: [{ encryption_type: 'KMS' }],
    });
  }
});

test('nodes have private addresses, one group a zone, and keep their role from pods', () => {
  const groups = terraform.resources(/aws_eks_node_group/);
  expect(groups.map(({ address }) => /"(.*)"/.exec(address)?.[1])).toEqual([
    ...['general-a', 'general-b', 'general-c'],
    ...['local-nvme-a', 'local-nvme-b', 'local-nvme-c'],
  ]);
  const privates = terraform.resources(/aws_subnet\.private/).map(({ attributes }) => attributes);
  for (const { attributes } of groups) {
    const [subnet, ...others] = attributes.subnet_ids as string[];
    expect(others).toEqual([]);
    const zone = privates.find(({ id }) => id === subnet)?.availability_zone as string;
    expect((attributes.node_group_name as string).at(-1)).toBe(zone.at(-1));
  }
  expect(privates.map(({ map_public_ip_on_launch }) => map_public_ip_on_launch)).toEqual([
    ...[false, false, false],
  ]);
  for (const { attributes } of terraform.resources(/aws_launch_template/)) {
    expect(attributes.metadata_options).toMatchObject([
      { http_tokens: 'required', http_put_response_hop_limit: 1 },
    ]);
  }
  // Without the last one no node would ever be ready: add-ons come after nodes.
  const policies = terraform.resources(/aws_iam_role_policy_attachment\.node/);
  expect(policies.map(({ attributes }) => String(attributes.policy_arn).split('/').at(-1))).toEqual(
    [
      ...[
        'AmazonEC2ContainerRegistryPullOnly',
        'AmazonEKSWorkerNodePolicy',
        'AmazonEKS_CNI_Policy',
      ],
    ],
  );
  const reserved = groups.at(-1)?.attributes.taint;
  expect(reserved).toEqual([{ key: 'shrike/state', value: 'local-nvme', effect: 'NO_SCHEDULE' }]);
});

test('the API server takes the networks that were named, and its log ends after a year', () => {
  expect(terraform.attributes('module.cluster.aws_eks_cluster.this')).toMatchObject({
    vpc_config: [{ endpoint_private_access: true, public_access_cidrs: ['203.0.113.7/32'] }],
    encryption_config: [{ resources: ['secrets'] }],
  });
  expect(terraform.attributes('module.cluster.aws_cloudwatch_log_group.cluster')).toMatchObject({
    name: '/aws/eks/shrike/cluster',
    retention_in_days: 365,
  });
});

test('S3, images and identities are reached without the NAT gateway', () => {
  const services = terraform
    .resources(/aws_vpc_endpoint\./)
    .map(
      ({ attributes }) =>
        `${attributes.vpc_endpoint_type as string} ${attributes.service_name as string}`,
    );
  expect(services.toSorted()).toEqual([
    'Gateway com.amazonaws.us-east-1.s3',
    'Interface com.amazonaws.us-east-1.ecr.api',
    'Interface com.amazonaws.us-east-1.ecr.dkr',
    'Interface com.amazonaws.us-east-1.sts',
  ]);
  expect(terraform.resources(/aws_nat_gateway/).length).toBe(1);
});

test("the engine's role is for one service account, and its rights are these", () => {
  const trust = JSON.parse(
    terraform.attributes('module.engine_role.aws_iam_role.this').assume_role_policy as string,
  ) as Policy;
  const [issuer] = Object.keys(trust.Statement[0]?.Condition?.StringEquals ?? {}).filter((key) =>
    key.endsWith(':sub'),
  );
  expect(trust.Statement).toMatchObject([
    {
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringEquals: { [issuer ?? '']: 'system:serviceaccount:shrike:shrike' } },
    },
  ]);
  const folder = `arn:aws:s3:::${BUCKET}/shrike/*`;
  const rights = enginePolicy().Statement.map(({ Action, Resource }) => [Action, Resource]);
  expect(rights).toEqual([
    [['kms:GenerateDataKey', 'kms:Decrypt'], terraform.attributes('aws_kms_key.storage').arn],
    ['s3:ListBucket', `arn:aws:s3:::${BUCKET}`],
    ['s3:GetObject', folder],
    [['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'], folder],
  ]);
});

test('who compacts the lake has an account of its own, and the same rights there', () => {
  const of = 'module.lake_compaction_role[0].aws_iam_role';
  const { assume_role_policy: trust } = terraform.attributes(`${of}.this`);
  expect(trust).toContain('"system:serviceaccount:shrike:shrike-lake"');
  const { Statement } = terraform.policy(`${of}_policy.this["lake"]`);
  const lake = `arn:aws:s3:::${LAKE}`;
  expect(Statement.slice(1).map(({ Action, Resource }) => [Action, Resource])).toEqual([
    ['s3:ListBucket', lake],
    [['s3:PutObject', 's3:GetObject', 's3:DeleteObject', 's3:AbortMultipartUpload'], `${lake}/*`],
  ]);
});

test('the plan has the add-ons, with a network that heeds policies, and a gateway in each zone if asked', async () => {
  const file = join(scratch, 'all.plan');
  const fresh = ['-input=false', `-state=${join(scratch, 'none.tfstate')}`, '-refresh=false'];
  const set = [
    '-var=nat=per-zone',
    '-var=admin_principal_arns=["arn:aws:iam::123456789012:role/ops"]',
  ];
  await terraform.run(['plan', ...fresh, ...set, `-out=${file}`]);
  const { resource_changes } = JSON.parse(await terraform.run(['show', '-json', file])) as {
    readonly resource_changes: readonly {
      readonly address: string;
      readonly mode: string;
      readonly change: { readonly after: Readonly<Record<string, unknown>> };
    }[];
  };
  const addons = resource_changes.filter(({ address }) => address.includes('aws_eks_addon'));
  expect(new Set(addons.map(({ change }) => change.after.addon_name))).toEqual(
    new Set(['aws-ebs-csi-driver', 'coredns', 'kube-proxy', 'vpc-cni']),
  );
  const network = addons.find(({ change }) => change.after.addon_name === 'vpc-cni');
  expect(network?.change.after.configuration_values).toBe('{"enableNetworkPolicy":"true"}');
  const count = (type: RegExp) =>
    resource_changes.filter(({ address }) => type.test(address)).length;
  expect(count(/aws_nat_gateway/)).toBe(3);
  expect(count(/aws_eks_access_policy_association/)).toBe(1);
  expect(count(/local-nvme/)).toBe(0);
  const made = resource_changes.filter(({ mode }) => mode === 'managed').length;
  // Without two gateways, their addresses, and the administrator's two.
  const page = await readFile('docs/eks.md', 'utf8');
  expect(page).toContain(`Plan: ${made - 6} to add, 0 to change, 0 to destroy.`);
});

test("who writes to the lake is Kafka Connect's account in deploy/strimzi, whose component gives it the role", async () => {
  const { assume_role_policy: trust } = terraform.attributes(
    'module.lake_role[0].aws_iam_role.this',
  );
  const resources = await renderedConnectWithRole();
  const subject = resources.find(({ kind }) => kind === 'RoleBinding') as unknown as {
    readonly subjects: readonly [{ readonly namespace: string; readonly name: string }];
  };
  const [{ namespace, name }] = subject.subjects;
  expect(trust).toContain(`"system:serviceaccount:${namespace}:${name}"`);
  const arn = 'arn:aws:iam::111122223333:role/shrike-lake';
  const connect = resources.find(({ kind }) => kind === 'KafkaConnect');
  const metadata = { annotations: { 'eks.amazonaws.com/role-arn': arn } };
  expect(connect?.spec).toMatchObject({ template: { serviceAccount: { metadata } } });
  expect(terraform.output('lake_role_arn')).toBe(arn.replace('111122223333', ACCOUNT));
  expect(JSON.stringify(resources)).not.toMatch(/connect-s3|access\.key/);
});

test('helm_values are values that the chart knows', async () => {
  const text = terraform.output('helm_values') as string;
  // With production.yaml they are rendered by test/cluster/chart-values.test.ts.
  await expect(`${text}\n`).toMatchFileSnapshot('../golden/terraform/helm-values.yaml');
  const values = parse(text) as object;
  const schema = JSON.parse(await readFile('deploy/helm/shrike/values.schema.json', 'utf8'));
  const isValid = new Ajv({ strict: false }).compile(schema);
  expect([isValid(values), isValid.errors]).toEqual([true, null]);
});

/*
 * The engine's rights, on a real MinIO. What concerns KMS is left out: MinIO has none here.
 */
let minio: MinioServer;
let role: Readonly<Record<string, string>> | undefined;

async function engineStore(prefix: string, singleBytesMax?: number) {
  if (role === undefined) {
    minio = await sharedMinio();
    await minio.createBucket(BUCKET);
    const { Statement, ...policy } = enginePolicy();
    const onS3 = Statement.filter(({ Action }) => String(Action).startsWith('s3:'));
    role = await assumeRole(minio, { ...policy, Statement: onS3 }, join(tools, 'venv/bin/python'));
  }
  const settings = { bucket: BUCKET, endpoint: minio.endpoint, prefix };
  const store = await s3Store(settings, singleBytesMax);
  // The SDK looks for credentials at the first request, and keeps them.
  await withEnvironment(role, () => store.list('none/').catch(() => undefined));
  return store;
}

let storeCount = 0;

objectStoreConformance("the engine's role", async () => {
  storeCount += 1;
  const prefix = `shrike/conformance-${storeCount}/`;
  return () => engineStore(prefix);
});

test("the engine's role writes in parts, and gives back the parts of what was written already", async () => {
  const store = await engineStore('shrike/parts/', 1 << 20);
  const body = new Uint8Array(9 << 20).fill(7);
  expect(await store.putIfAbsent('large.seg', body)).toBe(true);
  expect(await store.putIfAbsent('large.seg', body)).toBe(false);
  expect((await store.get('large.seg'))?.byteLength).toBe(9 << 20);
});

test("the engine's role ends at its folder, and cannot delete what versioning keeps", async () => {
  const own = await engineStore('shrike/kept/');
  const other = await engineStore('other/');
  const body = new Uint8Array(1);
  for (const attempt of [
    () => other.put('a.seg', body),
    () => other.get('a.seg'),
    () => other.delete('a.seg'),
    () => other.list('a'),
  ]) {
    await expect(attempt()).rejects.toMatchObject({ code: 'OBJECT_STORE_REFUSED' });
  }
  const [owner, engine] = [clientOf(minio, minio.env), clientOf(minio, role ?? {})];
  const versioning = { VersioningConfiguration: { Status: 'Enabled' as const } };
  await owner.send(new PutBucketVersioningCommand({ Bucket: BUCKET, ...versioning }));
  await own.put('a.seg', body);
  await own.delete('a.seg');
  expect(await own.get('a.seg')).toBeUndefined();
  const kept = () =>
    owner.send(new ListObjectVersionsCommand({ Bucket: BUCKET, Prefix: 'shrike/kept/' }));
  const { Versions = [] } = await kept();
  expect(Versions.map(({ Key }) => Key)).toEqual(['shrike/kept/a.seg']);
  const version = { Bucket: BUCKET, Key: 'shrike/kept/a.seg', VersionId: Versions[0]?.VersionId };
  await expect(engine.send(new DeleteObjectCommand(version))).rejects.toMatchObject({
    name: 'AccessDenied',
  });
  expect((await kept()).Versions?.length).toBe(1);
  owner.destroy();
  engine.destroy();
});

function enginePolicy(): Policy {
  return terraform.policy('module.engine_role.aws_iam_role_policy.this["checkpoints"]');
}
