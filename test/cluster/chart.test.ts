/** The chart before a real API server, whose namespace takes `restricted` pods only. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CHART,
  helm,
  manifestsOf,
  NAMESPACE,
  podOf,
  render,
  VALUE_SETS,
  valuesFile,
} from '../support/chart.ts';
import { type Cluster, startCluster } from '../support/kubernetes.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.createNamespace(NAMESPACE);
  await cluster.createDefinitions();
}, 240_000);

afterAll(() => cluster?.remove());

/** In the labels of the StatefulSet's pods. */
const TEMPLATE_NAME =
  /(template:\n {4}metadata:\n {6}labels:\n {8}app\.kubernetes\.io\/name): shrike/;

function dryRun(manifests: string) {
  const flags = ['apply', '--dry-run=server', '--validate=strict', '--namespace', NAMESPACE];
  return cluster.kubectl([...flags, '-f', '-'], manifests);
}

function podsOf(text: string): string {
  const pods = manifestsOf(text).flatMap((manifest) => podOf(manifest) ?? []);
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods });
}

test.each(VALUE_SETS)('a cluster accepts every object of the values %s', async (set) => {
  const text = await render('-f', valuesFile(set));
  const { code, stdout, stderr } = await dryRun(text);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const accepted = stdout.split('\n').filter((line) => line.endsWith('created (server dry run)'));
  expect(accepted.length).toBe(manifestsOf(text).length);
});

test.each(VALUE_SETS)(
  'a namespace that enforces `restricted` takes the pods of %s',
  async (set) => {
    const { code, stdout, stderr } = await dryRun(podsOf(await render('-f', valuesFile(set))));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('pod/fraud-shrike-0 created (server dry run)');
  },
);

test.each([
  [
    'an unknown field',
    /terminationGracePeriodSeconds/,
    'terminationGraceSeconds',
    /unknown field .*terminationGraceSeconds/,
  ],
  [
    'a mount of no volume',
    /name: data, mountPath/,
    'name: nothing, mountPath',
    /volumeMounts.*Not found/,
  ],
  [
    'a port out of range',
    /port: 8080, targetPort/,
    'port: 88080, targetPort',
    /between 1 and 65535/,
  ],
  ['a selector that misses the pods', TEMPLATE_NAME, '$1: other', /selector.*does not match/],
  ['a schedule that is none', '17 3 * * *', '17 3 * *', /spec\.schedule/],
  ['an unknown time zone', 'Etc/UTC', 'Etc/Mars', /unknown time zone Etc\/Mars/],
  ['an interval that is none', 'interval: 15s', 'interval: often', /should match/],
  [
    'a number of pods as text',
    'maxReplicaCount: 12',
    'maxReplicaCount: many',
    /maxReplicaCount.*integer/,
  ],
])('the check can fail: %s is refused', async (_what, from, to, message) => {
  const text = await render('-f', valuesFile('production'));
  const broken = text.replace(from, to);
  expect(broken).not.toBe(text);
  const { code, stderr } = await dryRun(broken);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
});

test.each([
  ['runs as root', 'runAsNonRoot: true', 'runAsNonRoot: false', /runAsNonRoot/],
  ['keeps a capability', 'drop: [ALL]', 'drop: [KILL]', /unrestricted capabilities/],
  ['may gain rights', 'Escalation: false', 'Escalation: true', /allowPrivilegeEscalation/],
  ['has no profile', 'RuntimeDefault', 'Unconfined', /seccompProfile/],
])('the check can fail: a pod that %s is forbidden', async (_what, from, to, message) => {
  const text = await render('-f', valuesFile('minimal'));
  const { code, stderr } = await dryRun(podsOf(text.replaceAll(from, to)));
  expect(code).toBe(1);
  expect(stderr).toContain('violates PodSecurity "restricted:latest"');
  expect(stderr).toMatch(message);
  // The same is a warning where a controller would make the pod.
  expect((await dryRun(text.replaceAll(from, to))).stderr).toContain('would violate PodSecurity');
});

test('installed, upgraded, rolled back and uninstalled: objects follow', async () => {
  const run = async (command: string, ...args: readonly string[]) => {
    const ended = await helm(command, 'fraud', ...args, '-n', NAMESPACE, ...cluster.helmFlags);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    return ended.stdout;
  };
  const pods = async () => {
    const path = '{.spec.replicas} {.spec.template.metadata.annotations.checksum/config}';
    const args = ['get', 'statefulset', 'fraud-shrike', '-n', NAMESPACE, '-o', `jsonpath=${path}`];
    return (await cluster.kubectl(args)).stdout.split(' ');
  };
  const values = ['-f', valuesFile('minimal')];
  const notes = await run('install', CHART, ...values);
  expect(notes).toContain('kubectl -n payments rollout status statefulset/fraud-shrike');
  const [replicas, checksum] = await pods();
  expect(replicas).toBe('2');

  const changed = ['replicaCount=3', 'config.checkpoints.intervalMs=5000'];
  await run('upgrade', CHART, ...values, ...changed.flatMap((one) => ['--set', one]));
  const [more, other] = await pods();
  expect(more).toBe('3');
  // Another configuration is a rolling restart.
  expect(other).toMatch(/^[0-9a-f]{64}$/);
  expect(other).not.toBe(checksum);

  // Handed to the autoscaler, their number stays as it is; left out, it would become 1.
  const address = 'autoscaling.prometheusAddress=http://prometheus.example:9090';
  await run('upgrade', CHART, ...values, '--set', 'autoscaling.enabled=true', '--set', address);
  expect(await pods()).toEqual(['3', checksum]);

  await run('rollback', '1');
  expect(await pods()).toEqual(['2', checksum]);
  await run('uninstall');
  const left = await cluster.kubectl([
    'get',
    'all,cm,sa,pdb,netpol',
    '-n',
    NAMESPACE,
    '-o',
    'name',
  ]);
  expect(left.stdout).not.toContain('fraud');
});
