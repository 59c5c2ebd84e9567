/** What CronJobs of production start, by the golden render that test/cluster holds to the chart. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

const RENDER = 'test/golden/chart/production.yaml';

interface CronJob {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly jobTemplate: {
      readonly spec: {
        readonly template: {
          readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] };
        };
      };
    };
  };
}

/** @param name in `jobs.schedules` */
export function scheduledArguments(name: string): readonly string[] {
  const job = parseAllDocuments(readFileSync(RENDER, 'utf8'))
    .map((document) => document.toJS() as CronJob)
    .find(({ kind, metadata }) => kind === 'CronJob' && metadata.name.endsWith(`-job-${name}`));
  if (job === undefined) throw new Error(`${RENDER} has no job ${name}`);
  return job.spec.jobTemplate.spec.template.spec.containers[0].args;
}
