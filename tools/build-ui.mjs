// Builds the page into dist/ui, or into the folder that is given: node tools/build-ui.mjs [DIR]
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, 'dist', 'ui'));

// Old files of another build must not be served; a folder that was given is the caller's to clean.
if (process.argv[2] === undefined) await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: [{ in: 'ui/main.ts', out: 'app' }, { in: 'ui/app.css', out: 'app' }],
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022'],
  legalComments: 'none',
  logLevel: 'warning',
});
for (const file of ['index.html', 'icon.svg']) {
  await copyFile(join(root, 'ui', file), join(out, file));
}
