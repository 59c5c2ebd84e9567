/** States that two releases may have written, as the older one has them. */
import { openCheckpoints } from '../../checkpoints/checkpoints.ts';
import { cardFraudFlow } from '../../operators/index.ts';
import { parseJsonBatch } from '../../src/codec/json.ts';
import type { Checkpoints, Manifest } from '../../src/core/checkpoint.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import { unpackActors } from '../../src/core/packed-actors.ts';
import { ActorCodec } from '../../state/actor-codec.ts';
import { DigestSum } from '../../state/digest.ts';
import type { MinioServer } from './minio-server.ts';
import { nextRelease } from './next-release.ts';
import { s3Store, withEnvironment } from './s3-stores.ts';

export interface ReleaseState {
  /** Of card_velocity, ascending: in which its entries may have been written. */
  readonly versions: readonly number[];
  /** Of the state as the older release writes it; as JSON. */
  readonly digest: string;
}

const flow = cardFraudFlow({ parse: parseJsonBatch });
const codec = new ActorCodec(nextRelease(flow), flow.stateSchema);

/** Of the newest checkpoint of each partition. */
export async function releaseStates(
  minio: MinioServer,
  application: string,
  partitions: number,
): Promise<readonly ReleaseState[]> {
  return withEnvironment(minio.env, async () => {
    const checkpoints = openCheckpoints({
      ...{ store: await s3Store({ endpoint: minio.endpoint }), application, clock },
      ...{ keepCount: 3, compactAfterSegments: 8, backlogBytesMax: 1 << 20 },
    });
    const states: ReleaseState[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const [newest] = await checkpoints.list({ topic: 'transactions', partition });
      if (newest === undefined || 'damage' in newest) throw new Error('no checkpoint');
      states.push(await stateOf(newest.manifest, checkpoints));
    }
    return states;
  });
}

async function stateOf(manifest: Manifest, checkpoints: Checkpoints): Promise<ReleaseState> {
  const actors = new Map<number, Uint8Array>();
  for await (const block of checkpoints.read(manifest)) {
    for (const [key, bytes] of unpackActors(block)) actors.set(key, bytes.slice());
  }
  const digest = new DigestSum();
  for (const [key, bytes] of actors) {
    digest.add(key, codec.encode(codec.decode(key, bytes, manifest.schemas)));
  }
  const written = Object.values(manifest.schemas).flat();
  const versions = written.filter(({ name }) => name === 'card_velocity');
  return {
    versions: versions.map(({ version }) => version).sort((a, b) => a - b),
    digest: JSON.stringify(digest.hex()),
  };
}
