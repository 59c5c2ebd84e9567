// Puts what is used of the AWS SDK into one small file: the whole of it takes longer to load than
// a restore may.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

await build({
  absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
  entryPoints: ['checkpoints/s3-sdk.ts'],
  outfile: 'dist/checkpoints/s3-sdk.js',
  bundle: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: ['node20'],
  // The modules that can be shaken; Node.js itself would take the others.
  mainFields: ['module', 'main'],
  // What is CommonJS in there asks for modules of Node.js.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  legalComments: 'none',
  logLevel: 'warning',
});
