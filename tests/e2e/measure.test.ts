// The measuring sections: every rung verified, every number sane, with and without isolation.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copiedRows, launch, open, type Opened, ready, runSection } from './browser';
import { serve, type Served } from './server';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe.each([
  { name: 'cross-origin isolated', isolated: true },
  { name: 'without isolation', isolated: false },
])('$name', ({ isolated }) => {
  let served: Served;
  let opened: Opened;

  beforeAll(async () => {
    served = await serve({ isolated });
    opened = await open(browser, `${served.url}?passes=3`);
    await ready(opened.page);
  });
  afterAll(async () => {
    await opened.context.close();
    await served.close();
  });

  const availableRungs = () =>
    opened.page
      .locator('#network tbody tr:not(.unavailable)')
      .evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset['rung']));

  it('says which build was loaded and why, and how many threads', async () => {
    const text = await opened.page.locator('#build').innerText();
    expect(text).toMatch(/Loaded the (scalar|simd|relaxed)\S* build in .*\sms: \S.*\./);
    expect(text).toMatch(/\d+ threads?: \S.*\./);
    expect(await opened.page.locator('#facts').innerText()).toMatch(/Cross-origin isolated\s+(yes|no)/);
    expect(await opened.page.evaluate(() => crossOriginIsolated)).toBe(isolated);
    const cores = await opened.page.evaluate(() => navigator.hardwareConcurrency);
    if (!isolated) expect(text).toMatch(/1 thread: .*not cross-origin isolated/);
    else if (cores > 1) expect(text).toContain(`${cores} threads: `);
  });

  it('shows no number before a run', async () => {
    expect(await opened.page.locator('#network td, #ladder td, #profile td').count()).toBe(0);
    expect(await opened.page.locator('.empty:visible').count()).toBeGreaterThanOrEqual(3);
  });

  it('runs the network with every rung and verifies all of them', async () => {
    const outcome = await runSection(opened.page, 'network', 'Run the network');
    expect(outcome).toMatch(/times faster: .*all outputs verified\./);
    const rows = await copiedRows(opened.page, 'network');
    const names = rows.map((row) => row['rung']);
    expect(names).toEqual(await availableRungs());
    expect(names).toEqual(expect.arrayContaining(['naive', 'reordered', 'blocked', 'eigen', 'packed']));
    expect(names.includes('threaded')).toBe(
      /[2-9] threads|\d\d threads/.test(await opened.page.locator('#build').innerText()),
    );
    for (const row of rows) {
      expect(row, String(row['rung'])).toMatchObject({ verified: true });
      for (const column of ['total ms', 'ms per pass', 'median ms', 'GFLOP/s', 'speed-up']) {
        expect(Number.isFinite(row[column]), `${String(row['rung'])}: ${column}`).toBe(true);
      }
      // 30,048,256 operations a pass, three passes: times and GFLOP/s must tell the same story, whatever it is.
      expect(Number(row['ms per pass']) * 3).toBeCloseTo(Number(row['total ms']), 3);
      expect(Number(row['GFLOP/s']) * Number(row['ms per pass'])).toBeCloseTo(30.048256, 3);
      // Different sums of float32 terms: close to the reference, never equal to it.
      expect(row['largest difference']).toBeGreaterThan(0);
      expect(row['largest difference']).toBeLessThan(1e-5);
    }
    expect(await opened.page.locator('#network .mark[data-verified="true"]').count()).toBe(rows.length);
    expect(await opened.page.locator('#network .chart canvas').getAttribute('aria-label')).toContain('naive');
  });

  it('runs the ladder in both types, each product exact', async () => {
    const { page } = opened;
    const ladder = page.locator('#ladder');
    await ladder.getByRole('checkbox', { name: '1000' }).uncheck({ force: true });
    await ladder.getByRole('checkbox', { name: 'float64' }).check({ force: true });
    await runSection(page, 'ladder', 'Run the chosen sizes');
    const rungs = await availableRungs();
    const rows = await copiedRows(page, 'ladder');
    expect(rows.map(({ size, type, rung }) => [type, size, rung])).toEqual(
      ['float32', 'float64'].flatMap((type) =>
        [100, 500].flatMap((size) => rungs.map((rung) => [type, size, rung])),
      ),
    );
    for (const row of rows) {
      const name = `${String(row['rung'])} ${String(row['size'])} ${String(row['type'])}`;
      expect(row['verified'], name).toBe(true);
      const eigen = rows.find((other) => {
        return other['rung'] === 'eigen' && other['size'] === row['size'] && other['type'] === row['type'];
      });
      const [own, slowdown] = [Number(row['GFLOP/s']), Number(row['slowdown against Eigen'])];
      expect(own * Number(row['median ms']), name).toBeCloseTo(2e-6 * Number(row['size']) ** 3, 3);
      expect((own * slowdown) / Number(eigen?.['GFLOP/s']), name).toBeCloseTo(1, 2);
      if (row['rung'] === 'eigen') expect(slowdown).toBe(1);
    }
  });

  it('shows every layer and its product in the profile', async () => {
    const { page } = opened;
    await runSection(page, 'profile', 'Take both profiles');
    const rows = await copiedRows(page, 'profile');
    const naive = rows.filter((row) => row['kernel'] === 'naive');
    const product = naive.find((row) => row['scope'] === 'matmul.naive');
    expect(product?.['calls']).toBe(3 * 3); // three layers, three passes
    expect(naive.filter((row) => /^Dense/.test(String(row['scope']))).map((row) => row['calls'])).toEqual([
      3, 3, 3,
    ]);
    expect(naive.reduce((sum, row) => sum + Number(row['share']), 0)).toBeLessThanOrEqual(1 + 1e-9);
    expect(rows.some((row) => row['kernel'] === 'auto' && !/naive/.test(String(row['scope'])))).toBe(true);
    for (const row of rows) expect(Number(row['total ms'])).toBeGreaterThanOrEqual(Number(row['self ms']));
  });

  it('copies as Markdown and CSV too', async () => {
    const { page } = opened;
    const network = page.locator('#network');
    await network.getByRole('button', { name: 'Copy as Markdown' }).click();
    await network.locator('.status', { hasText: 'Copied as Markdown' }).waitFor();
    const markdown = await page.evaluate(() => navigator.clipboard.readText());
    expect(markdown).toMatch(/\| naive \|/);
    expect(markdown).toMatch(/build, \d+ thread/);
    await network.getByRole('button', { name: 'Copy as CSV' }).click();
    await network.locator('.status', { hasText: 'Copied as CSV' }).waitFor();
    const csv = await page.evaluate(() => navigator.clipboard.readText());
    expect(csv.split('\r\n')[0]).toMatch(/^rung,total ms,/);
  });

  it('did all this without an error on the console or a breach of the policy', () => {
    expect(opened.complaints).toEqual([]);
  });
});
