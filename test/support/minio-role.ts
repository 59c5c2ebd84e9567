/** Credentials on a MinIO that may do what a policy allows, and nothing else. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { S3Client } from '@aws-sdk/client-s3';
import type { MinioServer } from './minio-server.ts';

const ASSUME_ROLE = `
import boto3, json, sys
sts = boto3.client('sts', endpoint_url=sys.argv[1], region_name='us-east-1')
role = dict(RoleArn='arn:minio:iam:::role/test', RoleSessionName='test', Policy=sys.argv[2])
print(json.dumps(sts.assume_role(**role)['Credentials'], default=str))
`;

/**
 * MinIO gives out what its root may do, cut down to the policy.
 * @param python one with boto3
 * @returns variables for the AWS SDK
 */
export async function assumeRole(
  minio: MinioServer,
  policy: object,
  python: string,
): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await promisify(execFile)(
    python,
    ['-c', ASSUME_ROLE, minio.endpoint, JSON.stringify(policy)],
    { env: { ...process.env, ...minio.env } },
  );
  const made = JSON.parse(stdout) as Readonly<Record<string, string>>;
  return {
    AWS_ACCESS_KEY_ID: made.AccessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: made.SecretAccessKey ?? '',
    AWS_SESSION_TOKEN: made.SessionToken ?? '',
  };
}

/** With what `assumeRole` gives, or `minio.env`; the caller destroys it. */
export function clientOf(minio: MinioServer, env: Readonly<Record<string, string>>): S3Client {
  const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '', AWS_SESSION_TOKEN } = env;
  return new S3Client({
    endpoint: minio.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN !== undefined && { sessionToken: AWS_SESSION_TOKEN }),
    },
  });
}
