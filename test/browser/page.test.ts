import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FEATURE_ORDER } from '../../operators/features.ts';
import { type Api, openApi } from '../../src/api/server.ts';
import { scriptedAlert, scriptedSecond } from '../support/scripted-alerts.ts';
import { ScriptedView } from '../support/scripted-view.ts';

/** Screenshots of the last run, for whoever wants to look. */
const SHOTS = process.env.SHRIKE_SCREENSHOTS ?? join(tmpdir(), 'shrike-screenshots');
const folder = mkdtempSync(join(tmpdir(), 'shrike-page-'));
const uiDir = join(folder, 'ui');
const problems: string[] = [];
let browser: BrowserContext;
let page: Page;
let view: ScriptedView;
let api: Api;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  execFileSync(process.execPath, ['tools/build-ui.mjs', uiDir]);
  browser = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: '/usr/bin/chromium',
    viewport: { width: 1280, height: 1000 },
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  view = new ScriptedView();
  for (let i = 0; i < 12; i++) view.pushAlert(scriptedAlert(i));
  api = await openTestApi(0);
  for (let second = 0; second < 300; second++) view.pushStatus(scriptedSecond(second));
  problems.length = 0;
  page = await browser.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(api.address)) problems.push(`asked for ${request.url()}`);
  });
});

afterEach(async () => {
  await page.close();
  await api.close();
});

function openTestApi(port: number): Promise<Api> {
  const health = () => ({ live: true, ready: true, problems: [] });
  return openApi({ view, health, host: '127.0.0.1', port, token: 'a-token', uiDir });
}

async function openPage(): Promise<void> {
  await page.goto(api.address);
  await page.getByText('8 of 8 live').waitFor();
  await page.locator('#alert-list > li').nth(11).waitFor();
}

const shot = (name: string, fullPage = false) =>
  page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });

/** Share of a chart's pixels that something is painted on. */
async function paintedShare(chart: string): Promise<number> {
  const share: unknown = await page.evaluate(`(() => {
    const canvas = document.querySelector('#${chart} canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let painted = 0;
    for (let i = 3; i < data.length; i += 4) painted += data[i] > 0 ? 1 : 0;
    return painted / (data.length / 4);
  })()`);
  return Number(share);
}

/** Texts of the alerts' rows that end in an ellipsis because their column is too narrow. */
async function cutTexts(): Promise<unknown> {
  return page.evaluate(`[...document.querySelectorAll('.alert-line > *')]
    .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)`);
}

test('the page shows the engine, asks nobody else, and logs no error', async () => {
  await openPage();
  expect(await page.title()).toBe('shrike – Shrike');
  expect(await page.locator('#readiness').textContent()).toBe('Ready');
  expect(await page.locator('.figure-value').allTextContents()).toEqual([
    '5,090',
    '3.24 ms',
    '11.6 ms',
    '1,111',
    '400 ms',
    '7 s',
    '3',
  ]);
  await shot('light');
  expect(problems).toEqual([]);
});

test('a page that was just opened shows the last five minutes in its charts', async () => {
  await openPage();
  // Grid lines and labels alone paint about 3 %; the area below the line paints far more.
  expect(await paintedShare('throughput')).toBeGreaterThan(0.4);
  expect(await paintedShare('latency')).toBeGreaterThan(0.03);
  expect(await page.locator('#latency .u-legend').innerText()).toMatch(/p50\s*3\.24 ms/);
});

test('the figures and the partitions follow each status', async () => {
  await openPage();
  expect(await page.locator('#partitions tbody tr').nth(5).locator('td').allTextContents()).toEqual(
    ['5', '1', 'live', '338,990', '338,980', '14', '335,420', '5 s', '3.1 ms', '96.7 %', '1'],
  );
  const [first, ...rest] = scriptedSecond(300).partitions;
  if (first === undefined) throw new Error('a status has partitions');
  const partitions = [{ ...first, phase: 'recovering' as const }, ...rest];
  const said = 'worker 0 was restarted: partition 0 recovers';
  view.pushStatus({ ...scriptedSecond(300), partitions, ready: false, problems: [said] });
  await page.getByText('7 of 8 live').waitFor();
  expect(await page.locator('#problems').innerText()).toBe(said);
  expect(await page.locator('#readiness').textContent()).toBe('1 problem');
  await shot('problem');
});

test('an alert appears at the top and opens by keyboard to the features behind it', async () => {
  await openPage();
  const alert = scriptedAlert(58);
  view.pushAlert({ ...alert, value: { ...alert.value, user: 1095, card: 0 } });
  const newest = page.locator('#alert-list > li').first();
  await newest.getByText('User 1095 · card 0').waitFor();
  await newest.locator('summary').focus();
  await page.keyboard.press('Enter');
  await newest.locator('.groups').waitFor();
  expect(await newest.locator('.feature').count()).toBe(32);
  const speed = newest.locator('.feature', { hasText: 'Speed since the last place' });
  expect(await speed.getAttribute('class')).toBe('feature unusual');
  expect(await newest.locator('.remarks li').allTextContents()).toContain(
    'Amount 13.6 σ above what this card pays',
  );
  expect(await cutTexts()).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 1400 });
  await shot('alert');
  expect(problems).toEqual([]);
});

test('every feature that the operators yield has words', async () => {
  await openPage();
  const alert = scriptedAlert(40);
  const features = Object.fromEntries(FEATURE_ORDER.map((name) => [name, 1]));
  view.pushAlert({ ...alert, value: { ...alert.value, features: { ...features, brand_new: 7 } } });
  const newest = page.locator('#alert-list > li').first();
  await newest.getByText('$9.00').waitFor();
  await newest.locator('summary').click();
  await newest.locator('.groups').waitFor();
  expect(await newest.locator('.feature').count()).toBe(33);
  const wordless: unknown = await page.evaluate(`[...document.querySelectorAll('.feature')]
    .filter((row) => row.title === row.querySelector('dt').textContent).map((row) => row.title)`);
  expect(wordless).toEqual(['brand_new']);
});

test('the feed holds still while an alert is read, and shows the rest on demand', async () => {
  await openPage();
  const items = page.locator('#alert-list > li');
  await items.first().locator('summary').click();
  view.pushAlert(scriptedAlert(41));
  view.pushAlert(scriptedAlert(42));
  await page.getByRole('button', { name: 'Show 2 new' }).click();
  await items.nth(13).waitFor();
  expect(await items.count()).toBe(14);
  expect(await items.nth(2).locator('.groups').isVisible()).toBe(true);
});

test('what an alert carries is shown as text, never as markup', async () => {
  await openPage();
  const alert = scriptedAlert(50);
  const markup = '<img src=x onerror="document.title=1">';
  view.pushAlert({ ...alert, value: { ...alert.value, merchant_city: markup } });
  const newest = page.locator('#alert-list > li').first();
  await newest.getByText('<img src=x').waitFor();
  expect(await newest.locator('img').count()).toBe(0);
  expect(problems).toEqual([]);
});

test('a banner says that the engine is gone, and goes when it is back', async () => {
  await openPage();
  const port = Number(new URL(api.address).port);
  await api.close();
  await page.getByText('The connection to the engine is lost').waitFor();
  expect(await page.locator('#readiness').textContent()).toBe('Connection lost');
  await shot('lost');
  view.alerts.unshift(scriptedAlert(60));
  api = await openTestApi(port);
  await page.locator('#alert-list > li').nth(12).waitFor();
  expect(await page.locator('#banner').isVisible()).toBe(false);
  expect(await page.locator('#readiness').textContent()).toBe('Ready');
});

test('a banner says that a connected engine has fallen silent', async () => {
  await page.clock.install();
  await openPage();
  await page.clock.runFor(7000);
  await page.getByText('The engine is connected but says nothing').waitFor();
  view.pushStatus(scriptedSecond(300));
  await page.getByText('5,024', { exact: true }).waitFor();
  await page.clock.runFor(1000);
  await page.locator('#banner').waitFor({ state: 'hidden' });
});

test('in the dark and on a telephone nothing sticks out of the page', async () => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await openPage();
  await page.locator('#alert-list summary').nth(1).click();
  await page.locator('.groups').waitFor();
  await shot('dark', true);
  await page.setViewportSize({ width: 390, height: 1500 });
  await page.waitForFunction(`document.querySelector('#latency canvas').clientWidth < 390`);
  const width: unknown = await page.evaluate('document.documentElement.scrollWidth');
  expect(width).toBe(390);
  expect(await cutTexts()).toEqual([]);
  await shot('narrow');
  expect(problems).toEqual([]);
});
