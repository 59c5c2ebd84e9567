/** Was it exactly once? Read by a client and a store of others, compared with the calm run. */
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { Manifest } from '../../src/core/checkpoint.ts';
import type { MinioServer } from '../support/minio-server.ts';
import { consumeAll } from '../support/rdkafka.ts';
import type { CalmRun } from './calm.ts';

export interface Verdict {
  readonly missing: number;
  readonly twice: number;
  readonly otherScores: number;
  readonly alerts: 'equal' | 'different';
  readonly deadLetters: number;
  /** Partitions whose newest checkpoint holds another state than the calm run's. */
  readonly otherStates: readonly number[];
}

export const EXACTLY_ONCE: Verdict = {
  missing: 0,
  twice: 0,
  otherScores: 0,
  alerts: 'equal',
  deadLetters: 0,
  otherStates: [],
};

/** What a read_committed consumer sees, now that every member has ended. */
export async function verdictOf(
  { bootstrap, minio }: { readonly bootstrap: string; readonly minio: MinioServer },
  application: string,
  calm: CalmRun,
): Promise<Verdict> {
  const seen = new Map<number, number[]>();
  for (const { value } of await consumeAll(bootstrap, 'scored')) {
    const { idx, score } = JSON.parse(String(value)) as { idx: number; score: number };
    seen.set(idx, [...(seen.get(idx) ?? []), score]);
  }
  const all = calm.scores.map((score, idx) => ({ score, found: seen.get(idx) ?? [] }));
  const alerts = (await consumeAll(bootstrap, 'fraud_alerts'))
    .map(({ value }) => (JSON.parse(String(value)) as { idx: number }).idx)
    .sort((a, b) => a - b);
  const digests = await digestsOf(minio, application);
  return {
    missing: all.filter(({ found }) => found.length === 0).length,
    twice: all.filter(({ found }) => found.length > 1).length,
    otherScores: all.filter(({ score, found }) => found.some((one) => one !== score)).length,
    alerts: JSON.stringify(alerts) === JSON.stringify(calm.alerts) ? 'equal' : 'different',
    deadLetters: (await consumeAll(bootstrap, 'dead_letters')).length,
    otherStates: calm.digests.flatMap((digest, p) => (digests[p] === digest ? [] : [p])),
  };
}

/** Of the newest manifest of each partition. */
async function digestsOf(minio: MinioServer, application: string): Promise<readonly string[]> {
  const client = new S3Client({
    endpoint: minio.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey },
  });
  const newest = new Map<number, string>();
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({
        Bucket: minio.bucket,
        Prefix: `${application}/transactions/`,
        ContinuationToken: token,
      }),
    );
    for (const { Key: key = '' } of page.Contents ?? []) {
      const found = /\/(\d+)\/manifests\/\d+\.json$/.exec(key);
      if (found !== null) newest.set(Number(found[1]), key);
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  const digests: string[] = [];
  for (const [partition, key] of newest) {
    const { Body: body } = await client.send(
      new GetObjectCommand({ Bucket: minio.bucket, Key: key }),
    );
    const manifest = JSON.parse((await body?.transformToString()) ?? '') as Manifest;
    digests[partition] = JSON.stringify(manifest.digest);
  }
  client.destroy();
  return digests;
}
