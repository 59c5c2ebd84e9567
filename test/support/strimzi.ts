/** Strimzi's resources as kustomize renders them, and what they come to on a broker without it. */
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { Right } from './kafka-acls.ts';

const run = promisify(execFile);

export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

export interface KafkaTopic extends Resource {
  readonly spec: {
    readonly topicName?: string;
    readonly partitions: number;
    readonly replicas: number;
    readonly config: Readonly<Record<string, string | number | boolean>>;
  };
}

export interface KafkaUser extends Resource {
  readonly spec: {
    readonly authentication: { readonly type: string };
    readonly authorization: {
      readonly type: string;
      readonly acls: readonly {
        readonly resource: {
          readonly type: Right['of'];
          readonly name?: string;
          readonly patternType?: 'literal' | 'prefix';
        };
        readonly operations: readonly string[];
      }[];
    };
  };
}

const FOLDER = 'deploy/strimzi';

async function kustomized(folder: string): Promise<string> {
  return (await run('kubectl', ['kustomize', folder])).stdout;
}

function resourcesOf(yaml: string): readonly Resource[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as Resource);
}

/** @param folder of deploy/strimzi. @throws Error with what kustomize says */
export async function rendered(folder: string): Promise<readonly Resource[]> {
  return resourcesOf(await kustomized(join(FOLDER, folder)));
}

/** `within` its own kustomization.yaml, as README.md has it, or in one of a user's `around` it. */
export type Place = 'within' | 'around';

/** A folder to which a component has been added. */
export async function yamlWith(
  component: 'rekey' | 'lake-role',
  overlay: string,
  place: Place,
): Promise<string> {
  const added = join('components', component);
  const scratch = await mkdtemp(join(tmpdir(), 'shrike-strimzi-'));
  try {
    if (place === 'within') {
      await cp(FOLDER, scratch, { recursive: true });
      const folder = join(scratch, overlay);
      const line = `components: [${relative(overlay, added)}]\n`;
      await appendFile(join(folder, 'kustomization.yaml'), line);
      return await kustomized(folder);
    }
    const from = (path: string) => relative(scratch, resolve(FOLDER, path));
    const lines = [`resources: [${from(overlay)}]`, `components: [${from(added)}]`, ''];
    await writeFile(join(scratch, 'kustomization.yaml'), lines.join('\n'));
    return await kustomized(scratch);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** A variant to which the component for `input.keyedByUser: false` has been added. */
export async function renderedWithRekey(
  variant: 'development' | 'production',
  place: Place,
): Promise<readonly Resource[]> {
  return resourcesOf(await yamlWith('rekey', join('overlays', variant), place));
}

/** Kafka Connect whose S3 sink has a role instead of keys. */
export async function renderedConnectWithRole(): Promise<readonly Resource[]> {
  return resourcesOf(await yamlWith('lake-role', 'connect', 'within'));
}

export function topicsOf(resources: readonly Resource[]): readonly KafkaTopic[] {
  return resources.filter((one): one is KafkaTopic => one.kind === 'KafkaTopic');
}

export function topicName({ metadata, spec }: KafkaTopic): string {
  return spec.topicName ?? metadata.name;
}

/** The rules that the user operator makes of a KafkaUser. */
export function rightsOf(resources: readonly Resource[], name: string): readonly Right[] {
  const user = resources.find(
    ({ kind, metadata }) => kind === 'KafkaUser' && metadata.name === name,
  );
  if (user === undefined) throw new Error(`there is no KafkaUser ${name}`);
  return (user as KafkaUser).spec.authorization.acls.flatMap(({ resource, operations }) =>
    operations.map((operation) => ({
      of: resource.type,
      name: resource.name ?? 'kafka-cluster',
      isPrefix: resource.patternType === 'prefix',
      operation: (operation.charAt(0).toLowerCase() + operation.slice(1)) as Right['operation'],
    })),
  );
}
