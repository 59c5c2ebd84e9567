/** What docs/eks.md gives to a cluster is taken by one: a real API server, by Helm and kubectl. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksOf, commandsOf, hereDocumentsOf } from '../support/command-blocks.ts';
import { type Cluster, kubernetesTools, runTool, startCluster } from '../support/kubernetes.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const START_MS_MAX = 120_000;

let cluster: Cluster;
let folder: string;
let helm: string;
let typed: readonly string[];

beforeAll(async () => {
  const page = await readFile('docs/eks.md', 'utf8');
  typed = blocksOf(page).flatMap(({ language, text }) => (language === 'sh' ? [text] : []));
  folder = await mkdtemp(join(tmpdir(), 'shrike-eks-'));
  helm = join(kubernetesTools(), 'helm');
  cluster = await startCluster();
  await cluster.createDefinitions();
  await cluster.createNamespace('shrike');
}, START_MS_MAX);

afterAll(async () => {
  await cluster?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** The text that is fed to the command with these words in it. */
function fedTo(words: string): string {
  const found = typed.flatMap(hereDocumentsOf).find(({ command }) => command.includes(words));
  if (found === undefined) throw new Error(`docs/eks.md feeds nothing to ${words}`);
  return found.text.replaceAll('$IMAGE', 'registry.example/shrike').replaceAll('$DIGEST', DIGEST);
}

test('the storage class, and the job that makes payments, are accepted under PodSecurity `restricted`', async () => {
  const file = 'deploy/terraform/storage-class.yaml';
  expect(await cluster.kubectl(['apply', '-f', file])).toMatchObject({
    code: 0,
    stdout: 'storageclass.storage.k8s.io/gp3 created\n',
  });
  expect(await cluster.kubectl(['apply', '-f', '-'], fedTo('kubectl apply'))).toEqual({
    code: 0,
    stdout: 'job.batch/payments created\n',
    // Where PodSecurity would refuse its pods, it warns of the job.
    stderr: '',
  });
});

test('the release is installed with its values, has what later steps name, and goes', async () => {
  const [trial, values] = [join(folder, 'trial.yaml'), join(folder, 'cluster.yaml')];
  await writeFile(trial, fedTo('trial.yaml'));
  const shown = /"config":\n[\s\S]*?(?=```)/.exec(await readFile('docs/eks.md', 'utf8'))?.[0];
  await writeFile(values, shown ?? '');
  const flags = ['--namespace', 'shrike', ...cluster.helmFlags];
  const files = ['deploy/helm/values/production.yaml', values, trial].flatMap((one) => ['-f', one]);
  const set = ['--set', `image.digest=${DIGEST}`];
  const install = ['upgrade', '--install', 'shrike', 'deploy/helm/shrike', ...flags];
  const installed = await runTool(helm, [...install, ...files, ...set]);
  expect(installed.code, installed.stderr).toBe(0);
  expect(installed.stdout).toContain('STATUS: deployed\nREVISION: 1\n');
  // Jobs on schedule that nothing on this page makes a bucket, an account or an image for.
  const jobs = await cluster.kubectl(['get', '-n', 'shrike', '-o', 'name', 'cronjobs']);
  expect(jobs.stdout.trim().split('\n').toSorted()).toEqual([
    'cronjob.batch/shrike-drill-newest',
    'cronjob.batch/shrike-drill-previous',
    'cronjob.batch/shrike-job-verify',
  ]);
  const named = ['statefulset/shrike', 'service/shrike', 'serviceaccount/shrike'];
  const got = await cluster.kubectl(['get', '-n', 'shrike', '-o', 'name', ...named]);
  expect([got.code, got.stderr]).toEqual([0, '']);
  const job = ['create', 'job', '--from=cronjob/shrike-drill-previous', 'drill-now'];
  expect((await cluster.kubectl(['-n', 'shrike', ...job])).stdout).toBe(
    'job.batch/drill-now created\n',
  );
  const gone = await runTool(helm, ['uninstall', 'shrike', ...flags]);
  expect(gone.stdout).toBe('release "shrike" uninstalled\n');
});

test('helm has the commands and flags', async () => {
  const commands = typed.flatMap(commandsOf).filter(([program]) => program === 'helm');
  expect(commands.length).toBeGreaterThan(5);
  for (const [, command = '', ...words] of commands) {
    const { stdout } = await runTool(helm, [command, '--help']);
    for (const flag of words.filter((word) => word.startsWith('-'))) {
      expect(stdout, command).toMatch(new RegExp(`^ +(?:-\\w, )?.*${flag.split('=')[0]}\\b`, 'm'));
    }
  }
});
