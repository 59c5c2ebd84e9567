/**
 * Writes one object: in one request, or in parts when it is large.
 * Each write has a mark of its own in the object's metadata: a writer whose answer was lost finds
 * out by it whether the object that is there is its own (B2), even if another wrote the same bytes.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../src/core/clock.ts';
import { crc32Of, slicesOf } from './s3-bodies.ts';
import { failureName, statusOf } from './s3-failures.ts';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from './s3-sdk.ts';
import type { Tries, Try } from './s3-tries.ts';

const MARK = 'shrike-write';
/** What a request costs is small beside 8 MiB, and 10,000 parts of it are 80 GB. */
const PART_BYTES = 8 << 20;
const PARTS_AT_ONCE = 3;

/** How objects are to be written, as the SDK names it. */
export interface Encryption {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
  readonly SSEKMSKeyId?: string;
}

export interface Upload {
  readonly key: string;
  readonly body: Uint8Array;
  /** Only when there is no object of this key. */
  readonly isConditional: boolean;
}

export interface UploaderOptions {
  readonly client: S3Client;
  readonly tries: Tries;
  readonly clock: Clock;
  readonly bucket: string;
  readonly encryption: Encryption;
  /** Bodies above it go in parts. */
  readonly singleBytesMax: number;
}

export class Uploader {
  readonly #options: UploaderOptions;

  constructor(options: UploaderOptions) {
    this.#options = options;
  }

  /** @returns false when it was conditional, and the key was there. */
  async write(upload: Upload): Promise<boolean> {
    const mark = randomUUID();
    const isSmall = upload.body.byteLength <= this.#options.singleBytesMax;
    return isSmall ? this.#single(upload, mark) : this.#inParts(upload, mark);
  }

  async #single({ key, body, isConditional }: Upload, mark: string): Promise<boolean> {
    const { client, tries, clock, bucket, encryption } = this.#options;
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: body,
      ChecksumCRC32: await crc32Of(body, clock),
      Metadata: { [MARK]: mark },
      ...(isConditional && { IfNoneMatch: '*' }),
      ...encryption,
    });
    return tries.run(`put ${key}`, (one) =>
      this.#unlessTaken({ key, mark, one }, () =>
        client.send(command, { abortSignal: one.signal }),
      ),
    );
  }

  async #inParts(upload: Upload, mark: string): Promise<boolean> {
    const { client, tries, bucket, encryption } = this.#options;
    const { key, body, isConditional } = upload;
    const endMs = tries.endMs();
    const target = { Bucket: bucket, Key: key };
    const { UploadId } = await tries.run(
      `start the parts of ${key}`,
      ({ signal }) =>
        client.send(
          new CreateMultipartUploadCommand({
            ...target,
            ChecksumAlgorithm: 'CRC32',
            Metadata: { [MARK]: mark },
            ...encryption,
          }),
          { abortSignal: signal },
        ),
      endMs,
    );
    const parts = { ...target, UploadId };
    try {
      const done = await this.#uploadParts(body, { parts, endMs });
      const command = new CompleteMultipartUploadCommand({
        ...parts,
        MultipartUpload: { Parts: [...done] },
        ...(isConditional && { IfNoneMatch: '*' }),
      });
      const isWritten = await tries.run(
        `join the parts of ${key}`,
        (one) =>
          this.#unlessTaken({ key, mark, one }, () =>
            client.send(command, { abortSignal: one.signal }),
          ),
        endMs,
      );
      if (!isWritten) await this.#abort(parts);
      return isWritten;
    } catch (error) {
      // The first error is the one to tell; parts that stay go by the bucket's lifecycle rule.
      await this.#abort(parts).catch(() => undefined);
      throw error;
    }
  }

  async #uploadParts(body: Uint8Array, of: PartsOf): Promise<readonly CompletedPart[]> {
    const slices = slicesOf(body, PART_BYTES);
    const done: CompletedPart[] = [];
    let next = 0;
    let isOver = false;
    const lane = async () => {
      for (let i = next++; i < slices.length && !isOver; i = next++) {
        done[i] = await this.#uploadPart(slices[i] as Uint8Array, i + 1, of);
      }
    };
    const lanes = Array.from({ length: PARTS_AT_ONCE }, () =>
      lane().catch((error: unknown) => {
        isOver = true;
        throw error;
      }),
    );
    // All of them: an abort beside a part under way leaves the part.
    for (const lane of await Promise.allSettled(lanes)) {
      if (lane.status === 'rejected') throw lane.reason;
    }
    return done;
  }

  async #uploadPart(slice: Uint8Array, number: number, of: PartsOf): Promise<CompletedPart> {
    const { client, tries, clock } = this.#options;
    const ChecksumCRC32 = await crc32Of(slice, clock);
    const command = new UploadPartCommand({
      ...of.parts,
      PartNumber: number,
      Body: slice,
      ChecksumCRC32,
    });
    const { ETag } = await tries.run(
      `put part ${number} of ${of.parts.Key}`,
      ({ signal }) => client.send(command, { abortSignal: signal }),
      of.endMs,
    );
    return { PartNumber: number, ETag, ChecksumCRC32 };
  }

  async #abort(parts: Parts): Promise<void> {
    const { client, tries } = this.#options;
    await tries.run(`abort the parts of ${parts.Key}`, async ({ signal }) => {
      try {
        await client.send(new AbortMultipartUploadCommand(parts), { abortSignal: signal });
      } catch (error) {
        if (failureName(error) !== 'NoSuchUpload') throw error;
      }
    });
  }

  /**
   * The key is taken, or the parts are joined already. By whom? Only a repeat can have been this
   * writer itself.
   */
  async #unlessTaken(write: Write, send: () => Promise<unknown>): Promise<boolean> {
    try {
      await send();
      return true;
    } catch (error) {
      const isTaken = statusOf(error) === 412;
      if (!isTaken && failureName(error) !== 'NoSuchUpload') throw error;
      if (write.one.isRepeat && (await this.#isThere(write))) return true;
      if (isTaken) return false;
      throw error;
    }
  }

  async #isThere({ key, mark, one }: Write): Promise<boolean> {
    const { client, bucket } = this.#options;
    try {
      const command = new HeadObjectCommand({ Bucket: bucket, Key: key });
      const { Metadata } = await client.send(command, { abortSignal: one.signal });
      return Metadata?.[MARK] === mark;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }
}

interface Parts {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

interface PartsOf {
  readonly parts: Parts;
  readonly endMs: number;
}

interface Write {
  readonly key: string;
  readonly mark: string;
  readonly one: Try;
}
