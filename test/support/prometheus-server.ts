/**
 * A real Prometheus for tests, that scrapes and evaluates every second.
 *
 *     const prometheus = await startPrometheus({ job, targets: ["127.0.0.1:8477"], rules });
 *     await prometheus.ask('/api/v1/alerts')     the `data` of its answer
 *     await prometheus.end()
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { serve } from './served-program.ts';
import { freePorts, serverFolder } from './server-folder.ts';

export interface PrometheusOptions {
  readonly job: string;
  /** host:port of what has /metrics. */
  readonly targets: readonly string[];
  /** What every series of theirs has besides `job` and `instance`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Rule files: text by name. */
  readonly rules: Readonly<Record<string, string>>;
}

export interface PrometheusServer {
  readonly address: string;
  ask(path: string): Promise<unknown>;
  end(): Promise<void>;
}

/** @returns the folder with `prometheus` and `promtool` @throws what the script says */
export async function prometheusTools(): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', [resolve('tools/install-prometheus.sh')]);
  return stdout.trim();
}

function writeSettings(folder: string, options: PrometheusOptions): string {
  const { job, targets, labels = {}, rules } = options;
  mkdirSync(join(folder, 'rules'), { recursive: true });
  for (const [name, text] of Object.entries(rules))
    writeFileSync(join(folder, 'rules', name), text);
  const file = join(folder, 'prometheus.yml');
  const settings = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['rules/*'],
    scrape_configs: [{ job_name: job, static_configs: [{ targets, labels }] }],
  };
  writeFileSync(file, stringify(settings));
  return file;
}

/** @throws Error with what it says, when it ends at its start */
export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  return startPrometheusFrom(writeSettings(serverFolder('prometheus'), options));
}

/** @param file its own settings. @throws Error with what it says, when it ends at its start */
export async function startPrometheusFrom(file: string): Promise<PrometheusServer> {
  const tools = await prometheusTools();
  const listen = `127.0.0.1:${await freePorts()}`;
  const address = `http://${listen}`;
  const server = await serve(
    [
      join(tools, 'prometheus'),
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(serverFolder('prometheus-data'), 'tsdb')}`,
      `--web.listen-address=${listen}`,
    ],
    { ready: `${address}/-/ready` },
  );
  return {
    address,
    ask: async (path) => {
      const answer = await fetch(`${address}${path}`);
      return ((await answer.json()) as { data: unknown }).data;
    },
    end: server.end,
  };
}
