/**
 * R1 on Shrike with Kafka and S3, configured as the harness does it (run.sh). Fills the profile
 * topics from DATA_DIR when they are empty, then runs until SIGTERM.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadsFor } from '../../../src/budgets.ts';
import { loadConfig } from '../../../src/config/loader.ts';
import { systemClock as clock } from '../../../src/core/clock.ts';
import type { Config } from '../../../src/core/config.ts';
import { explain, ShrikeError } from '../../../src/core/errors.ts';
import type { Log } from '../../../src/core/log.ts';
import { loadProfiles } from '../../../src/ingest/load.ts';
import { startEngine } from '../../../src/start-engine.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

const BUNDLE = fileURLToPath(new URL('../../../../models/default/', import.meta.url));

interface Filled {
  readonly log: Log;
  readonly config: Config;
}

function setting(name: string, otherwise?: string): string {
  const value = process.env[name] ?? otherwise;
  if (value !== undefined && value !== '') return value;
  throw new ShrikeError('USAGE', `${name} is not set`);
}

function configOf(): Config {
  const [application, instance] = [setting('APP_ID'), setting('INSTANCE', '0')];
  const threads = threadsFor(Number(setting('PARALLELISM', '2')), 'kafka');
  const state = setting('STATE_DIR');
  const { config } = loadConfig({
    env: {},
    flags: {
      application,
      dataDir: state,
      model: bundleOf(setting('MODEL', join(BUNDLE, 'model.onnx')), state),
      workers: threads.workers,
      'scoring.threads': threads.scorers,
      'kafka.bootstrap': setting('BOOTSTRAP'),
      'kafka.instanceId': `${application}-${instance}`,
      's3.bucket': setting('S3_BUCKET'),
      's3.endpoint': setting('S3_ENDPOINT'),
      's3.pathStyle': true,
      'checkpoints.intervalMs': Number(setting('CHECKPOINT_MS', '10000')),
      'outputs.scored': setting('OUTPUT', 'alerts') === 'all',
    },
  });
  return config;
}

/** The model alone is no bundle: it is put beside the bundle's description, which must fit it. */
function bundleOf(model: string, state: string): string {
  const folder = join(state, 'model');
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(BUNDLE, 'bundle.json'), join(folder, 'bundle.json'));
  copyFileSync(model, join(folder, 'model.onnx'));
  return folder;
}

/** Another instance may do the same at the same time: profiles are compacted by their key. */
async function fillProfiles({ log, config }: Filled): Promise<void> {
  const { users, cards, partitions, transactions } = config.input;
  if (!(await isEmpty(log, [users, cards]))) return;
  const folder = setting('DATA_DIR');
  await loadProfiles({
    log,
    files: {
      users: join(folder, 'sd254_users.csv'),
      cards: join(folder, 'sd254_cards.csv'),
      transactions: '',
    },
    partitions,
    topics: { users, cards, transactions },
    spillDir: tmpdir(),
    clock,
    rejects: {
      add: ({ file, line, reason }) => {
        throw new ShrikeError('CSV_ROW_UNREADABLE', `${file}:${line}: ${reason}`);
      },
      flush: async () => undefined,
    },
  });
}

async function isEmpty(log: Log, topics: readonly string[]): Promise<boolean> {
  const of = (await log.topics()).filter(({ topic }) => topics.includes(topic));
  return of.every(({ offsets }) =>
    offsets.every(({ earliest, highWatermark }) => earliest === highWatermark),
  );
}

/** For the code beside the program: what it loads later. */
export async function loadLater(): Promise<void> {
  await Promise.all([
    import('../../../src/engine.ts'),
    import('../../../src/log/kafka/log.ts'),
    import('../../../checkpoints/s3-store.ts'),
  ]);
}

export async function main(): Promise<void> {
  try {
    const config = configOf();
    const engine = await startEngine({
      config,
      logger: createLogger(config.logging),
      listen: false,
      onStuck: () => process.exit(70),
      prepare: fillProfiles,
    });
    const stop = () => {
      engine.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(explain(error));
          process.exit(1);
        },
      );
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  } catch (error) {
    console.error(explain(error));
    process.exit(1);
  }
}
