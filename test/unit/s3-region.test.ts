/** Which region requests are signed for, and who is asked for it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectS3 } from '../../checkpoints/s3-connection.ts';
import { s3Config, withEnvironment } from '../support/s3-stores.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

/** A machine of AWS, as it tells of itself. */
const asked: string[] = [];
const machine = createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  response.end(request.method === 'PUT' ? 'a token' : 'eu-north-1');
});

beforeAll(async () => {
  machine.listen(0, '127.0.0.1');
  await once(machine, 'listening');
});
afterAll(() => void machine.close());
beforeEach(() => void asked.splice(0));

async function regionOf(
  settings: { readonly endpoint: string; readonly region?: string },
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const home = await scratchFolder();
  const bare = {
    ...{ HOME: home, AWS_REGION: undefined, AWS_EC2_METADATA_DISABLED: undefined },
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(machine.address() as AddressInfo).port}`,
  };
  return withEnvironment({ ...bare, ...variables }, async () => {
    const client = await connectS3(s3Config({ region: '', ...settings }));
    return client.config.region();
  });
}

const AWS_REGION = 'ap-south-1';

test.each([
  ['the one that is configured', { region: 'sa-east-1' }, { AWS_REGION }, 'sa-east-1'],
  ['else that of the environment', {}, { AWS_REGION }, AWS_REGION],
  ['else us-east-1, and no machine is asked', {}, {}, 'us-east-1'],
])('a store that is not AWS: %s', async (_, settings, variables, region) => {
  expect(await regionOf({ endpoint: 'http://127.0.0.1:9000', ...settings }, variables)).toBe(
    region,
  );
  expect(asked).toEqual([]);
});

test.each(['', 'vpce-1.s3.eu-north-1.vpce.amazonaws.com'])(
  'on AWS (%s) the machine is asked where nobody else knows',
  async (host) => {
    const endpoint = host && `https://${host}`;
    expect(await regionOf({ endpoint }, { AWS_REGION })).toBe(AWS_REGION);
    expect(asked).toEqual([]);
    expect(await regionOf({ endpoint })).toBe('eu-north-1');
    expect(asked).toEqual(['PUT /latest/api/token', 'GET /latest/meta-data/placement/region']);
  },
);

test('on AWS without an answer it is us-east-1', async () => {
  const nowhere = { AWS_EC2_METADATA_DISABLED: 'true' };
  expect(await regionOf({ endpoint: '' }, nowhere)).toBe('us-east-1');
});
