/** The chart, rendered by a real helm. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Ended } from './command-line.ts';
import { kubernetesTools, runTool } from './kubernetes.ts';

export const CHART = 'deploy/helm/shrike';
/** Of deploy/helm/values. */
export const VALUE_SETS = ['development', 'minimal', 'plain', 'production'] as const;
export const NAMESPACE = 'payments';

/** What of an object of Kubernetes these tests look at. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

export interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly args?: readonly string[];
      readonly command?: readonly string[];
      readonly resources: { readonly limits: { readonly cpu: string; readonly memory: string } };
    }[];
    readonly volumes?: readonly { readonly name: string }[];
    readonly terminationGracePeriodSeconds?: number;
  };
}

export function helm(...args: readonly string[]): Promise<Ended> {
  return runTool(join(kubernetesTools(), 'helm'), args);
}

export const valuesFile = (set: string) => `deploy/helm/values/${set}.yaml`;

/** The release `fraud`. @throws Error with what helm says */
export async function render(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tryRender(...args);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

export function tryRender(...args: readonly string[]): Promise<Ended> {
  return helm('template', 'fraud', CHART, '--namespace', NAMESPACE, ...args);
}

export function manifestsOf(render: string): readonly Manifest[] {
  return parseAllDocuments(render)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

export function manifestOf(render: string, kind: string, name: string): Manifest {
  const found = manifestsOf(render).find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`the chart renders no ${kind} ${name}`);
  return found;
}

export interface JobSpec {
  readonly activeDeadlineSeconds: number;
  readonly template: PodTemplate;
}

/** What a CronJob starts. */
export function jobOf(render: string, name: string): JobSpec {
  const { spec = {} } = manifestOf(render, 'CronJob', name);
  return (spec.jobTemplate as { readonly spec: JobSpec }).spec;
}

/** As a controller would make it: its claims are there, under the names of their volumes. */
export function podOf({ kind, metadata: { name }, spec }: Manifest): object | undefined {
  if (kind === 'StatefulSet') {
    const template = spec?.template as PodTemplate;
    const claims = (spec?.volumeClaimTemplates ?? []) as { metadata: { name: string } }[];
    const claimed = claims.map(({ metadata: { name: volume } }) => ({
      name: volume,
      persistentVolumeClaim: { claimName: `${volume}-${name}-0` },
    }));
    return pod(`${name}-0`, {
      ...template,
      spec: { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claimed] },
    });
  }
  if (kind !== 'CronJob') return undefined;
  const job = spec?.jobTemplate as { spec: { template: PodTemplate } };
  return pod(`${name}-pod`, job.spec.template);
}

function pod(name: string, { metadata, spec }: PodTemplate): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name }, spec };
}

/** What the engine's pods are made of. */
export function enginePod(render: string): PodTemplate {
  return manifestOf(render, 'StatefulSet', 'fraud-shrike').spec?.template as PodTemplate;
}

/** Rules and dashboards have tests of their own, and change with every sentence in them. */
export function withoutMonitoring(render: string): string {
  return render
    .split(/^---\n/m)
    .filter((part) => !/^kind: PrometheusRule$|^ {4}grafana_dashboard:/m.test(part))
    .join('---\n');
}

export function configurationOf(render: string): string {
  const { data } = manifestOf(render, 'ConfigMap', 'fraud-shrike');
  return data?.['shrike.json'] ?? '';
}

export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
