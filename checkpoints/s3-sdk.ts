/**
 * All that is used of the AWS SDK. The build replaces this file's output by a bundle of just that
 * (`tools/bundle-libraries.mjs`): 50 ms to load instead of 125 (CPU, one thread, Node.js 20).
 */
export {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
export { NodeHttpHandler } from '@smithy/node-http-handler';
