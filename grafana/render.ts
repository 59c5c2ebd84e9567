/**
 * Draws dashboards without Grafana: the same queries, the same grid, in Chromium. A picture shows
 * whether a dashboard can be read, not what Grafana makes of it to the pixel.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { type BrowserContext, chromium } from 'playwright-core';
import { systemClock } from '../src/core/clock.ts';
import type { NamedDashboard } from './all.ts';
import type { RenderOptions } from './options.ts';
import { type QueriedPanel, queriedPanels } from './panel-queries.ts';
import { PrometheusClient, type PrometheusSeries } from './prometheus-client.ts';
import { filledIn, type Values } from './variables.ts';

const WIDTH_PX = 1600;
/** Lines have as many points as a panel has pixels to show them, about. */
const POINTS = 240;
const CHROMIUM = '/usr/bin/chromium';

export interface DrawnDashboard {
  readonly path: string;
  /** Titles of panels that have no data. */
  readonly empty: readonly string[];
  /** Texts that their panels are too narrow for. */
  readonly cut: readonly string[];
}

interface Drawn {
  readonly panel: QueriedPanel;
  readonly results: Readonly<Record<string, readonly PrometheusSeries[]>>;
}

export async function renderAll(
  dashboards: readonly NamedDashboard[],
  options: RenderOptions,
): Promise<readonly DrawnDashboard[]> {
  await mkdir(options.folder, { recursive: true });
  const profile = await mkdtemp(join(tmpdir(), 'shrike-dashboards-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    viewport: { width: WIDTH_PX, height: 900 },
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'],
  });
  try {
    const script = await pageScript();
    const all: DrawnDashboard[] = [];
    for (const one of dashboards) all.push(await render(one, { browser, script, options }));
    return all;
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** In the page. */
const CUT = `[...document.querySelectorAll('.panel > header, .figure, table.rows')]
  .filter((one) => one.scrollWidth > one.parentElement.clientWidth)
  .map((one) => one.textContent)`;

interface Studio {
  readonly browser: BrowserContext;
  readonly script: string;
  readonly options: RenderOptions;
}

async function render(
  { file, model }: NamedDashboard,
  { browser, script, options }: Studio,
): Promise<DrawnDashboard> {
  const now = systemClock.nowMs() / 1000;
  const range = { fromSeconds: now - options.rangeSeconds, toSeconds: now };
  const picture = {
    title: model.title,
    panels: (model as unknown as { panels: unknown }).panels,
    drawn: await queried(queriedPanels(model), range, options),
    ...range,
  };
  const page = await browser.newPage();
  const errors: Error[] = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.setContent('<!doctype html><meta charset="utf-8"><main></main>');
  await page.addScriptTag({ content: `window.picture = ${JSON.stringify(picture)};` });
  await page.addScriptTag({ content: script });
  if (errors[0] !== undefined) throw errors[0];
  await page.waitForSelector('main.drawn');
  const path = resolve(options.folder, file.replace(/json$/, 'png'));
  await page.screenshot({ path, fullPage: true });
  const found = {
    empty: await page.locator('.panel:has(.nothing) > header').allTextContents(),
    cut: await page.evaluate<readonly string[]>(CUT),
  };
  await page.close();
  return { path, ...found };
}

async function queried(
  panels: readonly QueriedPanel[],
  range: { readonly fromSeconds: number; readonly toSeconds: number },
  options: RenderOptions,
): Promise<readonly Drawn[]> {
  const client = new PrometheusClient(options.prometheus);
  const { application, rangeSeconds, scrapeSeconds } = options;
  const match = application === undefined ? '' : `{application="${application}"}`;
  const instances = await client.labelValues('instance', `shrike_info${match}`);
  const stepSeconds = Math.max(scrapeSeconds, Math.ceil(rangeSeconds / POINTS));
  const instance = instances.map((name) => name.replaceAll('.', String.raw`\\.`)).join('|');
  const values: Values = { instance, partition: '.+', rangeSeconds, scrapeSeconds, stepSeconds };
  const drawn: Drawn[] = [];
  for (const panel of panels) {
    const results: Record<string, readonly PrometheusSeries[]> = {};
    for (const { refId, expr, instant } of panel.targets) {
      const query = filledIn(expr, values);
      results[refId] =
        instant === true
          ? await client.at(query, range.toSeconds)
          : await client.over(query, { ...range, stepSeconds });
    }
    drawn.push({ panel, results });
  }
  return drawn;
}

/** The page's program and style, in one script. */
async function pageScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['grafana/picture/main.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    target: ['es2022'],
    loader: { '.css': 'text' },
    logLevel: 'warning',
  });
  return outputFiles[0]?.text ?? '';
}
