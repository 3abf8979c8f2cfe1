// Accessibility, small screens, and the screenshots of build/screenshots.
import AxeBuilder from '@axe-core/playwright';
import { describe, expect, it } from 'vitest';
import { isolatedPage, open, ready, runSection, screenshot } from './browser';

const site = isolatedPage();

describe.each([
  { name: 'laptop', viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const },
  {
    name: 'phone',
    viewport: { width: 360, height: 740 },
    colorScheme: 'dark' as const,
    deviceScaleFactor: 2,
  },
])('on a $name', ({ name, ...options }) => {
  it(`${name}: is accessible, fits the screen, and its screenshots are taken`, async () => {
    const { page, context } = await open(site.browser, `${site.url}?passes=3`, {
      ...options,
      reducedMotion: 'reduce',
    });
    await ready(page);
    await page.locator('#digits[data-ready]').waitFor();
    const check = async (when: string) => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(
        violations.map(
          ({ id, nodes }) => `${when}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
        ),
      ).toEqual([]);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth),
        `${when}: width`,
      ).toBeLessThanOrEqual(options.viewport.width);
    };
    await check('empty');
    const other = options.colorScheme === 'light' ? 'dark' : 'light';
    await page.emulateMedia({ colorScheme: other });
    await check(`empty, ${other}`);
    await page.emulateMedia({ colorScheme: options.colorScheme });
    await screenshot(page, `${name}-empty`);
    await runSection(page, 'network', 'Run the network');
    await page.locator('#ladder').getByRole('checkbox', { name: '1000' }).uncheck({ force: true });
    await runSection(page, 'ladder', 'Run the chosen sizes');
    await runSection(page, 'profile', 'Take both profiles');
    await page.locator('#train').getByLabel('1', { exact: true }).check({ force: true });
    await runSection(page, 'train', 'Train');
    await page.locator('#draw').getByRole('button', { name: 'A test digit' }).click();
    await page.locator('#draw .verdict', { hasText: 'It reads' }).waitFor();
    await check('with results');
    await screenshot(page, `${name}-${options.colorScheme}`);
    await page.emulateMedia({ colorScheme: other });
    await check(`with results, ${other}`);
    await screenshot(page, `${name}-${other}`);
    await context.close();
  });
});

it('can be used with the keyboard alone', async () => {
  const { page, context } = await open(site.browser, `${site.url}?passes=1`);
  await ready(page);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content');
  await page.locator('#network input').first().focus();
  await page.keyboard.press('ArrowRight');
  expect(await page.locator('#network input:checked').inputValue()).toBe('100');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Run the network');
  await page.keyboard.press('Enter');
  await page.locator('#network .status', { hasText: 'times faster' }).waitFor();
  await context.close();
});
