// Opens the page in headless Chromium and watches for everything that must not happen.
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { PAGE_LIMIT } from '../limits';
import { serve, type Served } from './server';

const SCREENSHOTS = fileURLToPath(new URL('../../build/screenshots/', import.meta.url));

export async function launch(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error(`no Chromium at ${executablePath}: set CHROMIUM_PATH`);
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A browser and the isolated page's address for all tests of a file; there once they run. */
export function isolatedPage(): { browser: Browser; url: string } {
  const site = {} as { browser: Browser; url: string };
  let served: Served;
  beforeAll(async () => {
    served = await serve({ isolated: true });
    site.url = served.url;
    site.browser = await launch();
  });
  afterAll(async () => {
    await site.browser.close();
    await served.close();
  });
  return site;
}

/** A context whose waits end only where something hangs. */
export async function newContext(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PAGE_LIMIT);
  return context;
}

export interface Opened {
  page: Page;
  context: BrowserContext;
  /** Console errors, uncaught errors and policy violations, in the page and in its worker. */
  complaints: string[];
}

export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await newContext(browser, {
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI}`);
    });
  });
  await page.goto(url);
  return { page, context, complaints };
}

/** Waits until the library is loaded; fails with the page's own words where it is not. */
export async function ready(page: Page): Promise<void> {
  await page.locator('html[data-engine="ready"], html[data-engine="failed"]').waitFor({ state: 'attached' });
  if ((await page.locator('html').getAttribute('data-engine')) === 'failed')
    throw new Error(await page.locator('#build').innerText());
}

/** Presses a section's button and waits for the outcome in its status line. */
export async function runSection(page: Page, section: string, button: string): Promise<string> {
  await page.locator(`#${section}`).getByRole('button', { name: button, exact: true }).click();
  const outcome = page.locator(`#${section} .status:not(:empty), #${section} .alert`).first();
  await outcome.waitFor();
  return outcome.innerText();
}

/** What the section copies as JSON. */
export async function copiedRows(
  page: Page,
  section: string,
): Promise<Record<string, string | number | boolean | null>[]> {
  await page.locator(`#${section}`).getByRole('button', { name: 'Copy as JSON' }).click();
  await page.locator(`#${section} .status`, { hasText: 'Copied as JSON' }).waitFor();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  return (JSON.parse(text) as { rows: Record<string, string | number | boolean | null>[] }).rows;
}

export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  // From the top: the sticky head would stand in the middle of a picture taken further down.
  await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }));
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true });
}
