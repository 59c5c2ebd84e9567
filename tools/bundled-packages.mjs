/** What the programs hold themselves (`bundle-programs.mjs`), so that nothing else is read. */
export const BUNDLED = [
  '@aws-sdk/client-s3',
  '@smithy/node-http-handler',
  'commander',
  'fzstd',
  'hyparquet',
  'hyparquet-writer',
  'pino',
  'prom-client',
  'typebox',
];
