// Cancel, another build, and what the page says when something is missing.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { copiedRows, isolatedPage, newContext, open, ready, runSection } from './browser';

const site = isolatedPage();

/** Cancels as soon as the label says that it runs; fails where the run ends instead. */
async function cancelDuring(page: Page, section: string, label: RegExp): Promise<void> {
  const area = page.locator(`#${section}`);
  await area.locator('.progress-label', { hasText: label }).waitFor();
  await area.getByRole('button', { name: 'Cancel' }).click();
  await area.locator('.status', { hasText: 'Cancelled' }).waitFor();
}

it('cancels between passes, and keeps what was measured', async () => {
  const { page, context } = await open(site.browser, `${site.url}?passes=5000`);
  await ready(page);
  await page.locator('#network').getByRole('button', { name: 'Run the network' }).click();
  await cancelDuring(page, 'network', /naive: pass/); // of 5000: the run itself would take minutes
  await ready(page);
  await runSection(page, 'profile', 'Take both profiles');
  await context.close();
});

it('cancels in the middle of one long product, and works on', async () => {
  const { page, context } = await open(site.browser, `${site.url}?variant=scalar&passes=2`);
  await ready(page);
  const ladder = page.locator('#ladder');
  for (const size of ['100', '500', '1000'])
    await ladder.getByRole('checkbox', { name: size, exact: true }).uncheck({ force: true });
  await ladder.getByRole('checkbox', { name: '2000' }).check({ force: true });
  await ladder.getByRole('button', { name: 'Run the chosen sizes' }).click();
  await ladder.locator('.progress-label', { hasText: '2000 × 2000' }).waitFor();
  await page.waitForTimeout(1500); // most likely the warm-up is over, and the worker is inside a product of seconds
  await cancelDuring(page, 'ladder', /2000/);
  await ready(page);
  expect(await runSection(page, 'network', 'Run the network')).toMatch(/times faster/);
  await context.close();
});

it('skips a rung that would take too long, and says how long', async () => {
  const { page, context } = await open(site.browser, `${site.url}?variant=scalar&limit=1`);
  await ready(page);
  const ladder = page.locator('#ladder');
  for (const size of ['100', '500', '1000']) {
    await ladder.getByRole('checkbox', { name: size, exact: true }).uncheck({ force: true });
  }
  await ladder.getByRole('checkbox', { name: '2000' }).check({ force: true });
  await runSection(page, 'ladder', 'Run the chosen sizes');
  // 16 thousand million operations: no processor does them in a second by the naive loops.
  const naive = ladder.locator('tr.skipped[data-rung="naive"]');
  expect(await naive.innerText()).toMatch(
    /skipped: one product would take .*\ss, estimated from 24 of its 2000 rows/,
  );
  const row = (await copiedRows(page, 'ladder')).find(({ rung }) => rung === 'naive');
  expect(row).toMatchObject({ 'median ms': null, verified: null });
  expect(row!['skipped, estimate ms']).toBeGreaterThan(1000);
  await context.close();
});

it('loads another build on request and greys out what it lacks', async () => {
  const { page, context, complaints } = await open(site.browser, `${site.url}?passes=2`);
  await ready(page);
  await runSection(page, 'network', 'Run the network');
  await page.getByLabel('Build').selectOption('scalar');
  await page.locator('#build', { hasText: 'Loaded the scalar build' }).waitFor();
  expect(new URL(page.url()).searchParams.get('variant')).toBe('scalar');
  expect(await page.locator('#network td').filter({ visible: true }).count()).toBe(0);
  await runSection(page, 'network', 'Run the network');
  const rows = await copiedRows(page, 'network');
  expect(rows.map((row) => row['rung'])).not.toContain('simd');
  expect(rows.every((row) => row['verified'] === true)).toBe(true);
  expect(await page.locator('#network tr.unavailable[data-rung="simd"]').innerText()).toContain(
    'not in the scalar build',
  );
  expect(complaints).toEqual([]);
  await context.close();
});

it.each(['scalar', 'simd', 'relaxed'])('opens with ?variant=%s', async (variant) => {
  const { page, context } = await open(site.browser, `${site.url}?variant=${variant}&passes=1`);
  await ready(page);
  expect(await page.locator('#build').innerText()).toContain(`Loaded the ${variant}`);
  expect(await runSection(page, 'network', 'Run the network')).toContain('all outputs verified');
  await context.close();
});

it.each([
  { what: 'is missing', answer: { status: 404, body: 'not found' }, text: /404/ },
  {
    what: 'is an HTML page',
    answer: { status: 200, contentType: 'text/html', body: '<!doctype html><title>app</title>' },
    text: /html/i,
  },
])('explains a wasm file that $what, and tries again', async ({ answer, text }) => {
  const context = await newContext(site.browser);
  const page = await context.newPage();
  await context.route('**/*.wasm', (route) => route.fulfill(answer));
  await page.goto(site.url);
  await page.locator('html[data-engine="failed"]').waitFor({ state: 'attached' });
  const alert = page.locator('#build .alert');
  expect(await alert.innerText()).toContain('could not be loaded');
  expect(await alert.locator('pre').innerText()).toMatch(text);
  expect(await alert.locator('pre').innerText()).toMatch(/\.wasm/);
  expect(await page.getByRole('button', { name: 'Run the network' }).isDisabled()).toBe(true);
  await context.unroute('**/*.wasm');
  await alert.getByRole('button', { name: 'Try again' }).click();
  await ready(page);
  expect(await page.getByRole('button', { name: 'Run the network' }).isEnabled()).toBe(true);
  await context.close();
});

it('explains digits that cannot be loaded, and tries again', async () => {
  const context = await newContext(site.browser);
  const page = await context.newPage();
  await context.route('**/mnist/*.bin', (route) => route.fulfill({ status: 404, body: 'not found' }));
  await page.goto(`${site.url}?passes=1`);
  await ready(page);
  expect(await runSection(page, 'network', 'Run the network')).toMatch(/mnist\/sample\.bin answered 404/);
  await context.unroute('**/mnist/*.bin');
  await page.locator('#network .alert').getByRole('button', { name: 'Try again' }).click();
  await page.locator('#network .status', { hasText: 'times faster' }).waitFor();
  await context.close();
});
