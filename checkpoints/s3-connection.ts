/** The SDK's client as a store wants it: kept connections, no retries of its own, no surprises. */

import type { Config } from '../src/core/config.ts';
import { NodeHttpHandler, S3Client, type S3ClientConfig } from './s3-sdk.ts';

/** Of one thread: its partitions seal in turns, and a large object has a few parts under way. */
const SOCKETS_MAX = 16;
const CONNECT_MS_MAX = 3000;
/** Longer than a store thinks before it answers: a connection that was cut in silence. */
const SILENT_MS_MAX = 10_000;
/** Its one message is that requests wait for a socket: they are meant to. */
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const REGION_OF_LAST_RESORT = 'us-east-1';
const AWS_HOST = /\.amazonaws\.com(?:\.cn)?$/;

export async function connectS3(config: Config['s3']): Promise<S3Client> {
  const { endpoint, pathStyle, deadlineMs } = config;
  const region = knownRegion(config);
  const settings: S3ClientConfig = {
    ...(endpoint !== '' && { endpoint }),
    ...(region !== undefined && { region }),
    forcePathStyle: pathStyle,
    // The tries are counted in `s3-tries.ts`, against the deadline.
    maxAttempts: 1,
    // It would cost a connection, which is not kept, for each body above 2 MiB.
    expectContinueHeader: false,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: Math.min(CONNECT_MS_MAX, deadlineMs),
      // A third: a silent connection must leave time for another try.
      socketTimeout: Math.min(SILENT_MS_MAX, Math.ceil(deadlineMs / 3)),
      logger: SILENT,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS_MAX },
    }),
  };
  // Versions are pinned, so what the SDK will need of Node.js next is not news for the user.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const client = new S3Client(settings);
  if (region === undefined && !(await findsRegion(client))) {
    return withUnsignedBodies(new S3Client({ ...settings, region: REGION_OF_LAST_RESORT }));
  }
  return withUnsignedBodies(client);
}

/**
 * Undefined: the SDK is to find it, in a profile or by asking the machine. Only on AWS: elsewhere
 * nobody answers at 169.254.169.254, and the first request of each thread waited a second for it.
 */
function knownRegion({ region, endpoint }: Config['s3']): string | undefined {
  if (region !== '') return region;
  const isAws = endpoint === '' || AWS_HOST.test(new URL(endpoint).hostname);
  return isAws ? undefined : (process.env.AWS_REGION ?? REGION_OF_LAST_RESORT);
}

/** It throws when it does not. */
async function findsRegion(client: S3Client): Promise<boolean> {
  try {
    return (await client.config.region()) !== '';
  } catch {
    return false;
  }
}

/**
 * The signature covers all but the body, and the body has a CRC-32: a SHA-256 of 16 MiB in one go
 * would hold up the payments of this thread for 30 ms. Segments and manifests carry their own.
 */
function withUnsignedBodies(client: S3Client): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'unsignedBodies' },
  );
  return client;
}
