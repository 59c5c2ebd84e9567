/**
 * A real MinIO for tests, through `deploy/local/minio.sh`.
 *
 *     const minio = await sharedMinio();      one server for all test files of the run: do
 *                                             not stop it, use a bucket or prefix of your own
 *     const minio = await startMinio();       a server of your own
 *     afterAll(() => minio.remove());         else it lives until the run ends
 *
 *     minio.endpoint                          'http://127.0.0.1:PORT'; address: without http://
 *     minio.bucket                            'checkpoints': it is there
 *     minio.accessKey, .secretKey
 *     minio.env                               AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION
 *     minio.settings(bucket?)                 ['--set', 's3.bucket=…', …] for `shrike run`
 *     await minio.createBucket('mine')
 *     await minio.stop() / .start() / .restart() / .kill(); minio.pause() / .resume()
 */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts, runScript, ServerProcess, serverFolder } from './server-folder.ts';

const SCRIPT = 'deploy/local/minio.sh';
const ATTEMPTS = 3;

export class MinioServer {
  readonly bucket = 'checkpoints';
  readonly accessKey = 'minioadmin';
  readonly secretKey = 'minioadmin';
  readonly folder: string;
  readonly address: string;
  readonly #process: ServerProcess;

  constructor(folder: string) {
    this.folder = folder;
    this.address = `127.0.0.1:${readFileSync(join(folder, 'port'), 'utf8').trim()}`;
    this.#process = new ServerProcess(join(folder, 'minio.pid'));
  }

  get endpoint(): string {
    return `http://${this.address}`;
  }

  get pid(): number | undefined {
    return this.#process.isRunning ? this.#process.pid : undefined;
  }

  get env(): Readonly<Record<string, string>> {
    return {
      AWS_ACCESS_KEY_ID: this.accessKey,
      AWS_SECRET_ACCESS_KEY: this.secretKey,
      AWS_REGION: 'us-east-1',
    };
  }

  settings(bucket: string = this.bucket): readonly string[] {
    return [
      ...['--set', `s3.bucket=${bucket}`],
      ...['--set', `s3.endpoint=${this.endpoint}`],
      ...['--set', 's3.pathStyle=true'],
    ];
  }

  /** One that exists already is left as it is. */
  async createBucket(name: string): Promise<void> {
    await runScript(SCRIPT, ['start', this.folder], { MINIO_BUCKET: name });
  }

  async start(): Promise<void> {
    await runScript(SCRIPT, ['start', this.folder]);
  }

  async stop(): Promise<void> {
    await runScript(SCRIPT, ['stop', this.folder]);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async kill(): Promise<void> {
    await this.#process.kill();
  }

  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  resume(): void {
    this.#process.signal('SIGCONT');
  }

  /** Ends it at once, and deletes what it stored. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** @throws Error with what the script says, as that Go is missing */
export function startMinio(): Promise<MinioServer> {
  return started(serverFolder('minio'));
}

export function sharedMinio(): Promise<MinioServer> {
  return started(serverFolder('minio', 'minio-shared'));
}

async function started(folder: string): Promise<MinioServer> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePorts();
    try {
      await runScript(SCRIPT, ['start', folder], { MINIO_PORT: String(port) });
      return new MinioServer(folder);
    } catch (error) {
      // Somebody else may have taken the port between the look and the start.
      if (!/is taken|address already in use/.test(String(error)) || attempt === ATTEMPTS) {
        throw error;
      }
    }
  }
}
