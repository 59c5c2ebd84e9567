/**
 * Faults of the network, through toxiproxy (built by `tools/install-toxiproxy.sh`).
 *
 *     const toxiproxy = await startToxiproxy();
 *     afterAll(() => toxiproxy.remove());             else it lives until the run ends
 *
 *     const store = await toxiproxy.proxy(minio.address);    store.address: where clients go
 *     const brokers = await toxiproxy.proxyAll(kafka.routes);
 *                      of startKafka({ proxied: true }); clients use kafka.proxiedBootstrap
 *
 *     await store.cut(); await store.mend()           connections break and are refused; and again
 *     await store.freeze()                            bytes stop in both directions, nothing breaks
 *     await store.freezeAnswers()                     those of requests that arrive
 *     await store.delay(100)                          milliseconds, each way
 *     await store.limit(64)                           KiB a second, each way
 *     await store.breakAfter(10_000)                  bytes of answers, then the connection ends
 *     await store.heal()                              takes all of these back
 */
import { execFile, spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../src/core/clock.ts';
import type { ProxyRoute } from './kafka-broker.ts';
import { freePorts, isAlive, ServerProcess, serverFolder } from './server-folder.ts';

const POLL_MS = 20;

type Direction = 'upstream' | 'downstream';

export class Proxy {
  readonly name: string;
  /** Where it listens: '127.0.0.1:PORT'. */
  readonly address: string;
  readonly #api: string;

  constructor(api: string, name: string, address: string) {
    this.#api = `${api}/proxies/${name}`;
    this.name = name;
    this.address = address;
  }

  async cut(): Promise<void> {
    await request(this.#api, { enabled: false });
  }

  async mend(): Promise<void> {
    await request(this.#api, { enabled: true });
  }

  /** A timeout of 0 ms is toxiproxy's word for one that never comes. */
  async freeze(): Promise<void> {
    await this.#both('timeout', { timeout: 0 });
  }

  /** Requests arrive, and what they do is done. */
  async freezeAnswers(): Promise<void> {
    await this.#add('downstream', 'timeout', { timeout: 0 });
  }

  async delay(latencyMs: number, jitterMs = 0): Promise<void> {
    await this.#both('latency', { latency: latencyMs, jitter: jitterMs });
  }

  async limit(kibPerSecond: number): Promise<void> {
    await this.#both('bandwidth', { rate: kibPerSecond });
  }

  async breakAfter(bytes: number): Promise<void> {
    await this.#add('downstream', 'limit_data', { bytes });
  }

  async heal(): Promise<void> {
    const toxics = (await request(`${this.#api}/toxics`)) as readonly { readonly name: string }[];
    for (const { name } of toxics) {
      await request(`${this.#api}/toxics/${name}`, undefined, 'DELETE');
    }
    await this.mend();
  }

  async #both(type: string, attributes: Readonly<Record<string, number>>): Promise<void> {
    await this.#add('upstream', type, attributes);
    await this.#add('downstream', type, attributes);
  }

  async #add(
    stream: Direction,
    type: string,
    attributes: Readonly<Record<string, number>>,
  ): Promise<void> {
    const name = `${type}-${stream}`;
    await request(`${this.#api}/toxics`, { name, type, stream, toxicity: 1, attributes });
  }
}

export class Toxiproxy {
  readonly #folder: string;
  readonly #api: string;
  readonly #process: ServerProcess;
  #count = 0;

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#api = `http://127.0.0.1:${port}`;
    this.#process = new ServerProcess(join(folder, 'toxiproxy.pid'));
  }

  /** @param listen port 0 picks a free one */
  async proxy(upstream: string, listen = '127.0.0.1:0'): Promise<Proxy> {
    this.#count += 1;
    const name = `proxy-${this.#count}`;
    const made = await request(`${this.#api}/proxies`, { name, listen, upstream, enabled: true });
    return new Proxy(this.#api, name, (made as { readonly listen: string }).listen);
  }

  proxyAll(routes: readonly ProxyRoute[]): Promise<readonly Proxy[]> {
    return Promise.all(routes.map(({ upstream, listen }) => this.proxy(upstream, listen)));
  }

  /** Ends it, and every connection through it. */
  async remove(): Promise<void> {
    await this.#process.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** @throws Error with what the script says, as that Go is missing */
export async function startToxiproxy(): Promise<Toxiproxy> {
  const { stdout } = await promisify(execFile)('bash', ['tools/install-toxiproxy.sh']);
  const folder = serverFolder('toxiproxy');
  const port = await freePorts();
  const config = join(folder, 'proxies.json');
  writeFileSync(config, '[]');
  const log = openSync(join(folder, 'toxiproxy.log'), 'w');
  const args = ['-host', '127.0.0.1', '-port', String(port), '-config', config];
  const child = spawn(stdout.trim(), args, { detached: true, stdio: ['ignore', log, log] });
  child.unref();
  writeFileSync(join(folder, 'toxiproxy.pid'), String(child.pid));
  while (!(await answers(port))) {
    if (!isAlive(child.pid ?? 0)) throw new Error(`toxiproxy ended: see ${folder}/toxiproxy.log`);
    await systemClock.sleep(POLL_MS);
  }
  return new Toxiproxy(folder, port);
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/version`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function request(url: string, body?: unknown, method?: string): Promise<unknown> {
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`toxiproxy: ${url}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
