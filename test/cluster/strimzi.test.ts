/** deploy/strimzi as an API server with Strimzi's own definitions takes it. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, runTool, startCluster } from '../support/kubernetes.ts';
import { yamlWith } from '../support/strimzi.ts';

const DEFINITIONS = 'deploy/strimzi/crds';
const NAMESPACE = 'deploy/strimzi/overlays/production/namespace.yaml';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  const folder = join(cluster.folder, 'strimzi');
  await mkdir(folder);
  for (const name of await readdir(DEFINITIONS)) {
    if (!name.endsWith('.gz')) continue;
    const yaml = gunzipSync(await readFile(join(DEFINITIONS, name)));
    await writeFile(join(folder, name.replace('.gz', '')), yaml);
  }
  await cluster.createDefinitions(folder);
  await cluster.create('--save-config', '-f', NAMESPACE);
}, 240_000);
afterAll(() => cluster.remove());

async function rendered(folder: string): Promise<string> {
  const { code, stdout, stderr } = await runTool('kubectl', [
    'kustomize',
    `deploy/strimzi/${folder}`,
  ]);
  expect(code, stderr).toBe(0);
  return stdout;
}

const offered = (yaml: string) =>
  cluster.kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], yaml);

const RENDERS: Readonly<Record<string, () => Promise<string>>> = {
  development: () => rendered('overlays/development'),
  production: () => rendered('overlays/production'),
  'development with re-keying': () => yamlWith('rekey', 'overlays/development', 'within'),
  'production with re-keying': () => yamlWith('rekey', 'overlays/production', 'within'),
  'production with re-keying around it': () => yamlWith('rekey', 'overlays/production', 'around'),
  connect: () => rendered('connect'),
  'connect with a role': () => yamlWith('lake-role', 'connect', 'within'),
};

describe.each(Object.entries(RENDERS))('%s', (_name, render) => {
  test('is accepted whole, with no warning, not even of its pods', async () => {
    const yaml = await render();
    const { code, stdout, stderr } = await offered(yaml);
    // An older kubectl says so.
    const said = stderr.split('\n').filter((line) => line !== '' && !/version skew/.test(line));
    expect({ code, said }).toEqual({ code: 0, said: [] });
    const kinds = yaml.match(/^kind: /gm)?.length;
    expect(stdout.trim().split('\n')).toHaveLength(kinds ?? 0);
  });
});

describe('what is wrong is refused', () => {
  const refused = async (folder: string, from: string, to: string) => {
    const yaml = await rendered(folder);
    expect(yaml).toContain(from);
    const { code, stderr } = await offered(yaml.replace(from, to));
    return `${code}: ${stderr}`;
  };

  test('a field that nobody knows', async () => {
    const misspelt = await refused(
      'overlays/production',
      'topologyKey: topo',
      'topologieKey: topo',
    );
    expect(misspelt).toMatch(/^1: .*unknown field "spec.kafka.rack.topologieKey"/s);
  });

  test('an operation that brokers do not know', async () => {
    const said = await refused('overlays/development', '- DescribeConfigs', '- DescribeConfig');
    expect(said).toMatch(/^1: .*Unsupported value: "DescribeConfig"/s);
  });

  test('a pod that may do too much is warned of', async () => {
    const said = await refused('overlays/development', 'runAsNonRoot: true', 'runAsNonRoot: false');
    expect(said).toMatch(/would violate PodSecurity "restricted/);
  });
});
