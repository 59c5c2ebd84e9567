/** S3 stores on a test's MinIO. */
import { openS3Store } from '../../checkpoints/s3-store.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Config } from '../../src/core/config.ts';
import type { ObjectStore } from '../../src/core/object-store.ts';
import { seeded } from '../../src/core/random.ts';

/** As in the configuration, where it says otherwise. */
export type S3Settings = Partial<Record<keyof Config['s3'], unknown>>;

export function s3Config(settings: S3Settings): Config['s3'] {
  return {
    bucket: 'checkpoints',
    prefix: '',
    endpoint: '',
    region: 'us-east-1',
    pathStyle: true,
    encryption: 'none',
    kmsKeyId: '',
    deadlineMs: 20_000,
    ...settings,
  } as Config['s3'];
}

export function s3Store(settings: S3Settings, singleBytesMax?: number): Promise<ObjectStore> {
  return openS3Store({
    config: s3Config(settings),
    random: seeded(1),
    clock: systemClock,
    ...(singleBytesMax !== undefined && { singleBytesMax }),
  });
}

/** Runs with these variables in the environment, where the SDK looks first; undefined: without. */
export async function withEnvironment<T>(
  variables: Readonly<Record<string, string | undefined>>,
  call: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  set(Object.entries(variables));
  try {
    return await call();
  } finally {
    set(before);
  }
}

function set(variables: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of variables) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
