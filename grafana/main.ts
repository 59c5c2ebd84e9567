/** `npm run dashboards`: writes the dashboards, or draws them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asText, dashboards } from './all.ts';
import { parseOptions, USAGE } from './options.ts';
import { renderAll } from './render.ts';

const FOLDER = 'grafana/dashboards';

async function main(args: readonly string[]): Promise<void> {
  const { docs, render } = parseOptions(args);
  const all = dashboards(docs);
  if (render !== undefined) {
    for (const { path, empty } of await renderAll(all, render)) {
      process.stdout.write(`${path}${empty.map((title) => `\n  no data: ${title}`).join('')}\n`);
    }
    return;
  }
  await mkdir(FOLDER, { recursive: true });
  for (const { file, model } of all) await writeFile(join(FOLDER, file), asText(model));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 1;
}
