// Train and Draw: learning in the tab, reading what is drawn, models as files.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { copiedRows, isolatedPage, open, ready, runSection } from './browser';
import { PAGE_LIMIT } from '../limits';

const site = isolatedPage();

const figure = (page: Page, name: string) =>
  page.locator('#train .figures div', { hasText: name }).locator('dd').innerText();

it('trains to a good accuracy and shows what it gets wrong', async () => {
  const { page, context, complaints } = await open(site.browser, site.url);
  await ready(page);
  await page.locator('#train').getByLabel('1', { exact: true }).check({ force: true });
  const outcome = await runSection(page, 'train', 'Train');
  expect(outcome).toMatch(/^Done in/);
  const rows = await copiedRows(page, 'train');
  expect(rows.length).toBeGreaterThanOrEqual(2);
  expect(rows.at(-1)!['test accuracy']).toBeGreaterThan(0.95);
  expect(await figure(page, 'Images per second')).toMatch(/\d/);
  expect(await figure(page, 'Training loss')).toMatch(/^0\.\d/);
  const counts = (await page.locator('.confusion tbody td').allInnerTexts()).map((text) =>
    Number(text.replace('·', '0')),
  );
  expect(counts.length).toBe(100);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10_000);
  const right = counts.filter((_, i) => Math.floor(i / 10) === i % 10).reduce((sum, count) => sum + count, 0);
  expect(right / 10_000).toBeCloseTo(Number(rows.at(-1)!['test accuracy']), 6);
  expect(await page.locator('.mistakes li').count()).toBe(18);
  expect(await page.locator('.mistakes li').first().innerText()).toMatch(/^\d, read as \d\s+\d+\.\d/);

  // What was just trained can be drawn for.
  expect(await page.locator('#draw').getByLabel('trained here').isChecked()).toBe(true);
  await page.locator('#draw').getByRole('button', { name: 'A test digit' }).click();
  await page.locator('#draw .verdict', { hasText: /It reads \d/ }).waitFor();
  const inked = await page.locator('#draw .pad').evaluate((element) => {
    const pad = element as HTMLCanvasElement;
    const { data } = pad.getContext('2d')!.getImageData(0, 0, pad.width, pad.height);
    return data.some((value, i) => i % 4 === 3 && value > 0);
  });
  expect(inked, 'the digit is on the pad').toBe(true);
  expect(complaints).toEqual([]);
  await context.close();
});

it('pauses, goes on and stops with what it has', async () => {
  const { page, context } = await open(site.browser, site.url);
  await ready(page);
  const train = page.locator('#train');
  await train.getByLabel('10', { exact: true }).check({ force: true });
  await train.getByLabel('Matrix products by').selectOption('naive');
  await train.getByRole('button', { name: 'Train', exact: true }).click();
  await train.locator('.progress-label', { hasText: 'Epoch 1 of 10' }).waitFor();
  await train.getByRole('button', { name: 'Pause' }).click();
  const done = () => train.locator('progress').evaluate((bar) => (bar as HTMLProgressElement).value);
  // The batch that was under way ends, however long it takes; then nothing moves any more.
  let paused = await done();
  await expect
    .poll(
      async () => {
        const before = paused;
        await page.waitForTimeout(800);
        return (paused = await done()) === before;
      },
      { timeout: PAGE_LIMIT },
    )
    .toBe(true);
  await train.getByRole('button', { name: 'Go on' }).click();
  await expect.poll(done, { timeout: PAGE_LIMIT }).toBeGreaterThan(paused);
  await train.getByRole('button', { name: 'Stop' }).click();
  await train.locator('.status:not(:empty)').waitFor();
  expect(await figure(page, 'Test accuracy')).toMatch(/\d/);
  expect(await page.locator('.confusion').count()).toBe(1);
  await context.close();
});

/** Strokes as a hand would draw them, in parts of the pad's side. */
const DIGITS: Record<number, [number, number][][]> = {
  0: [circle(0.5, 0.5, 0.2, 0.33)],
  1: [
    [
      [0.5, 0.15],
      [0.5, 0.85],
    ],
  ],
  2: [
    [
      [0.3, 0.3],
      [0.36, 0.18],
      [0.5, 0.13],
      [0.64, 0.2],
      [0.68, 0.34],
      [0.6, 0.5],
      [0.45, 0.68],
      [0.3, 0.85],
      [0.5, 0.84],
      [0.74, 0.84],
    ],
  ],
  3: [
    [
      [0.3, 0.2],
      [0.45, 0.13],
      [0.62, 0.18],
      [0.66, 0.32],
      [0.58, 0.44],
      [0.45, 0.48],
      [0.6, 0.52],
      [0.7, 0.66],
      [0.62, 0.8],
      [0.45, 0.86],
      [0.29, 0.79],
    ],
  ],
  4: [
    [
      [0.32, 0.15],
      [0.27, 0.5],
      [0.7, 0.5],
    ],
    [
      [0.65, 0.15],
      [0.62, 0.88],
    ],
  ],
  7: [
    [
      [0.28, 0.18],
      [0.5, 0.17],
      [0.72, 0.18],
      [0.58, 0.5],
      [0.48, 0.87],
    ],
  ],
};

function circle(x: number, y: number, a: number, b: number): [number, number][] {
  return Array.from({ length: 25 }, (_, i) => [
    x + a * Math.sin((i / 24) * 2 * Math.PI),
    y - b * Math.cos((i / 24) * 2 * Math.PI),
  ]);
}

async function draw(page: Page, strokes: [number, number][][]): Promise<void> {
  const pad = page.locator('#draw .pad');
  await pad.scrollIntoViewIfNeeded();
  const box = (await pad.boundingBox())!;
  for (const stroke of strokes) {
    for (const [i, [x, y]] of stroke.entries()) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 3 });
      if (i === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}

it('reads what is drawn, with the model that the page ships', async () => {
  const { page, context, complaints } = await open(site.browser, site.url, {
    viewport: { width: 1280, height: 900 },
  });
  await ready(page);
  const verdict = page.locator('#draw .verdict');
  for (const [digit, strokes] of Object.entries(DIGITS)) {
    await draw(page, strokes);
    await verdict.filter({ hasText: /It reads/ }).waitFor();
    // Each stroke is answered; the last answer is the digit's.
    await expect
      .poll(() => verdict.innerText(), { message: `a drawn ${digit}`, timeout: PAGE_LIMIT })
      .toMatch(new RegExp(`It reads ${digit}, `));
    const shares = await page.locator('.probability-value').allInnerTexts();
    expect(shares.length).toBe(10);
    expect(shares.reduce((sum, text) => sum + parseFloat(text), 0)).toBeCloseTo(100, 0);
    await page.locator('#draw').getByRole('button', { name: 'Clear' }).click();
    expect(await verdict.innerText()).toContain('Draw a digit');
  }
  expect(complaints).toEqual([]);
  await context.close();
});

it('saves the model and loads it again; a broken file is explained and changes nothing', async () => {
  const { page, context } = await open(site.browser, site.url, { viewport: { width: 1280, height: 900 } });
  await ready(page);
  const area = page.locator('#draw');
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    area.getByRole('button', { name: 'Save the model' }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/\.safetensors$/);
  const bytes = readFileSync(await download.path());
  expect(bytes.length).toBeGreaterThan(4 * 234_752);

  await area
    .locator('input[type=file]')
    .setInputFiles({ name: 'mine.safetensors', mimeType: 'application/octet-stream', buffer: bytes });
  await area.locator('.verdict', { hasText: 'Loaded mine.safetensors' }).waitFor();
  expect(await area.getByLabel('from a file').isChecked()).toBe(true);

  await area.locator('input[type=file]').setInputFiles({
    name: 'broken.safetensors',
    mimeType: 'application/octet-stream',
    buffer: bytes.subarray(0, 1000),
  });
  const alert = area.locator('.alert');
  await alert.waitFor();
  expect(await alert.locator('pre').innerText()).toMatch(/safetensors|header|bytes/i);
  await draw(page, DIGITS[1]!);
  await area.locator('.verdict', { hasText: 'It reads 1' }).waitFor();
  await context.close();
});

it('explains a shipped model that is missing', async () => {
  const { page, context } = await open(site.browser, site.url, { viewport: { width: 1280, height: 900 } });
  await context.route('**/model.safetensors', (route) => route.fulfill({ status: 404, body: 'not found' }));
  await ready(page);
  await draw(page, DIGITS[1]!);
  await page.locator('#draw .alert').waitFor();
  expect(await page.locator('#draw .alert pre').innerText()).toMatch(/model\.safetensors answered 404/);
  await context.unroute('**/model.safetensors');
  await page.locator('#draw .alert').getByRole('button', { name: 'Try again' }).click();
  await page.locator('#draw .verdict', { hasText: 'It reads 1' }).waitFor();
  await context.close();
});
