/**
 * Real Kafka brokers for tests, through `deploy/local/kafka.sh`.
 *
 *     const kafka = await sharedKafka();           one broker for all test files of the run;
 *                                                  do not stop it, and use names of your own
 *     const kafka = await startKafka();            a broker of your own: stop it, kill it, …
 *     const kafka = await startKafka({ nodes: 3 });
 *     afterAll(() => kafka.remove());              else it lives until the run ends
 *
 *     kafka.bootstrap                              plain port(s), no authentication: 'host:port,…'
 *     kafka.saslBootstrap, .tlsBootstrap, .saslTlsBootstrap    with { secure: true }
 *     kafka.username, .password                    for PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
 *     kafka.tls.caFile, .certFile, .keyFile        authority to trust; a client's certificate
 *     kafka.routes, .proxiedBootstrap              with { proxied: true }: see toxiproxy.ts
 *
 *     await kafka.stop()                           orderly, all brokers; the data stays
 *     await kafka.start()                          starts the brokers that do not run
 *     await kafka.restart()                        both
 *     await kafka.kill(2)                          kill -9 of broker 2 (no number: of all)
 *     kafka.pause(1); kafka.resume(1)              SIGSTOP, SIGCONT
 */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts, runScript, ServerProcess, serverFolder } from './server-folder.ts';

const SCRIPT = 'deploy/local/kafka.sh';
/** Ports of a broker, from its first one; the next broker's are ten higher (kafka.sh). */
const PORT = { plain: 0, sasl: 2, tls: 3, saslTls: 4, proxied: 5, proxy: 6 } as const;
const ATTEMPTS = 3;

export interface KafkaOptions {
  /** 3: topics have three replicas, of which two must have a record. */
  readonly nodes?: 1 | 3;
  /** Listeners for SASL and TLS, and access rules. */
  readonly secure?: boolean;
  /** A listener that tells clients to come through a proxy. */
  readonly proxied?: boolean;
}

/** Where a proxy has to listen, and where it leads. */
export interface ProxyRoute {
  readonly listen: string;
  readonly upstream: string;
}

export class KafkaBroker {
  readonly username = 'shrike';
  readonly password = 'shrike-secret';
  readonly nodeCount: number;
  readonly folder: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #port: number;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#env = env;
    const settings = readFileSync(join(folder, 'settings'), 'utf8').split(' ');
    this.#port = Number(settings[0]);
    this.nodeCount = Number(settings[1]);
  }

  get bootstrap(): string {
    return this.#addresses('plain').join(',');
  }
  get saslBootstrap(): string {
    return this.#addresses('sasl').join(',');
  }
  get tlsBootstrap(): string {
    return this.#addresses('tls').join(',');
  }
  get saslTlsBootstrap(): string {
    return this.#addresses('saslTls').join(',');
  }
  get proxiedBootstrap(): string {
    return this.#addresses('proxy').join(',');
  }

  /** One for each broker, in their order. */
  get routes(): readonly ProxyRoute[] {
    const upstreams = this.#addresses('proxied');
    return this.#addresses('proxy').map((listen, i) => ({
      listen,
      upstream: upstreams[i] as string,
    }));
  }

  get tls(): { readonly caFile: string; readonly certFile: string; readonly keyFile: string } {
    const file = (name: string) => join(this.folder, 'tls', name);
    return { caFile: file('ca.pem'), certFile: file('client.pem'), keyFile: file('client.key') };
  }

  /** Of the brokers that run. */
  get pids(): readonly number[] {
    return this.#processes()
      .filter(({ isRunning }) => isRunning)
      .map(({ pid }) => pid as number);
  }

  async start(): Promise<void> {
    await runScript(SCRIPT, ['start', this.folder], this.#env);
  }

  async stop(): Promise<void> {
    await runScript(SCRIPT, ['stop', this.folder], this.#env);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async kill(node?: number): Promise<void> {
    await Promise.all(this.#processes(node).map((one) => one.kill()));
  }

  pause(node?: number): void {
    for (const one of this.#processes(node)) one.signal('SIGSTOP');
  }

  resume(node?: number): void {
    for (const one of this.#processes(node)) one.signal('SIGCONT');
  }

  /** Ends it at once, and deletes what it stored. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  #addresses(listener: keyof typeof PORT): readonly string[] {
    return this.#nodes().map(
      (node) => `127.0.0.1:${this.#port + 10 * (node - 1) + PORT[listener]}`,
    );
  }

  #nodes(): readonly number[] {
    return Array.from({ length: this.nodeCount }, (_, i) => i + 1);
  }

  #processes(node?: number): readonly ServerProcess[] {
    const nodes = node === undefined ? this.#nodes() : [node];
    return nodes.map((n) => new ServerProcess(join(this.folder, `node-${n}`, 'kafka.pid')));
  }
}

function environment({ nodes = 1, secure = false, proxied = false }: KafkaOptions) {
  return {
    KAFKA_NODES: String(nodes),
    KAFKA_SECURE: secure ? '1' : '0',
    KAFKA_PROXIED: proxied ? '1' : '0',
    KAFKA_HEAP: '384m',
    // It is up sooner, and the seconds that a better compiler takes are the tests' own.
    KAFKA_JVM_OPTS: '-XX:TieredStopAtLevel=1',
  };
}

/** @throws Error with what the script says, as that Java or Maven is missing */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaBroker> {
  return started(serverFolder('kafka'), environment(options));
}

/** One broker with all listeners but the proxied one, for all test files of this run. */
export async function sharedKafka(): Promise<KafkaBroker> {
  return started(serverFolder('kafka', 'kafka-shared'), environment({ secure: true }));
}

async function started(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<KafkaBroker> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePorts();
    try {
      await runScript(SCRIPT, ['start', folder], { ...env, KAFKA_PORT: String(port) });
      // From here on its ports are the ones in its folder.
      return new KafkaBroker(folder, env);
    } catch (error) {
      // Somebody else may have taken a port between the look and the start.
      const isTaken = /is taken|Address already in use|BindException/.test(String(error));
      if (!isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}
