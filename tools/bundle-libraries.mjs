// Puts what is used of large packages into one small file each: the whole of them takes longer to
// load than a restore may.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

await build({
  absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
  entryPoints: ['checkpoints/s3-sdk.ts', 'src/core/typebox.ts'],
  outdir: 'dist',
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
