// --browser: the package alone, every build and rung on every shape, in each installed browser.
import { quickCases, selectCases } from '../../tests/peers/page/cases.js';
import { serve } from '../serve.mjs';
import { launch } from './browsers.mjs';
import { describeMachine } from './machine.mjs';
import { assembleSite, moduleFiles } from './site.mjs';
import { median, summary } from './statistics.mjs';

const variants = ['scalar', 'simd', 'relaxed'];
const slowestCallMs = 1500;
const timing = { minMs: 300, maxMs: 3000, windowMs: 100, regionMs: 2 };

/** Runs every build and rung and returns the report object described in docs/benchmarks.md. */
export async function runBrowser(options, log) {
  if ((await moduleFiles()).length === 0) throw new Error('dist/ is not built: run scripts/build.sh');
  const site = await serve(await assembleSite([]));
  const report = {
    schema: 1,
    kind: 'browser',
    machine: describeMachine(),
    browser: '',
    settings: { pages: options.pages, rounds: options.rounds, windowMs: options.windowMs },
    results: [],
  };
  const names = [];
  try {
    for (const name of options.browsers) {
      const browser = await launch(name);
      if (!browser) {
        log(`${name} is not installed: skipped`);
        continue;
      }
      try {
        await oneBrowser(browser, site.url, options, report, log);
      } finally {
        names.push(`${browser.name} ${browser.version}`);
        await browser.close();
      }
    }
  } finally {
    await site.close();
  }
  report.browser = names.join(', ');
  return report;
}

async function oneBrowser(browser, url, options, report, log) {
  const products = selectCases(options.cases || (options.quick ? quickCases.join() : '')).filter(
    (c) => c.kind === 'product',
  );
  for (const threads of options.threads) {
    for (const variant of variants) {
      if (threads > 1 && variant === 'scalar') continue;
      for (let i = 0; i < options.pages; ++i) {
        const page = await browser.open(`${url}page/index.html`);
        try {
          await onePage(page, { browser, variant, threads, products, options, report, log });
        } catch (error) {
          log(`${browser.name} ${variant}, ${threads} thread(s): ${error.message.split('\n')[0]}`);
        } finally {
          await page.close();
        }
      }
    }
  }
  for (const result of report.results) finish(result);
}

async function onePage(page, { browser, variant, threads, products, options, report, log }) {
  const info = await page.call('load', { adapter: 'tinytorch', threads, variant });
  const kernels = info.kernels.filter(
    (name) => options.kernels.length === 0 || options.kernels.includes(name),
  );
  log(`${browser.name} ${info.build}, ${threads} thread(s): ${kernels.join(' ')}`);
  for (const kernel of kernels) {
    let perFlop = 0; // ms for each operation, from the case before: a case that would take too long is left out
    for (const c of products) {
      const result = find(report, { browser: browser.name, build: info.build, threads, kernel, c });
      if (perFlop * c.flops > slowestCallMs) {
        result.skipped = `would take ${((perFlop * c.flops) / 1000).toFixed(0)} s`;
        continue;
      }
      try {
        await page.call('prepare', { key: c.id, caseId: c.id, form: kernel, timing });
        for (let round = 0; round < options.rounds; ++round) {
          const { samples } = await page.call('window', { key: c.id, ms: options.windowMs });
          result.rounds.push(median(samples));
          result.samples.push(...samples);
          result.peaks.push(await page.call('peak', { dtype: c.dtype }));
        }
        if (c.flops > 1e6) perFlop = result.rounds.at(-1) / c.flops;
      } catch (error) {
        result.errors.push(error.message.split('\n')[0]);
        log(`  ${kernel} ${c.id}: ${result.errors.at(-1)}`);
      } finally {
        await page.call('drop', { key: c.id });
      }
    }
  }
}

/** The result record of one build, rung and case; the pages of a run add to the same. */
function find(report, { browser, build, threads, kernel, c }) {
  const { id, label, group, dtype, flops } = c;
  const found = report.results.find(
    (r) =>
      r.browser === browser &&
      r.build === build &&
      r.threads === threads &&
      r.kernel === kernel &&
      r.case.id === id,
  );
  if (found) return found;
  const result = {
    case: { id, label, group, dtype, flops },
    browser,
    build,
    threads,
    kernel,
    rounds: [],
    samples: [],
    peaks: [],
    errors: [],
  };
  report.results.push(result);
  return result;
}

/** Replaces the raw rounds by their summary. */
function finish(result) {
  if (!result.rounds) return;
  const { rounds, samples, peaks, threads } = result;
  if (rounds.length > 0) {
    result.ms = { ...summary(rounds), best: Math.min(...samples) };
    result.gflops = result.case.flops / result.ms.median / 1e6;
    const known = peaks.filter((peak) => peak !== null);
    result.peakGflops = known.length > 0 ? median(known) : null;
    result.percentOfPeak = result.peakGflops ? (100 * result.gflops) / (result.peakGflops * threads) : null;
  }
  delete result.rounds;
  delete result.samples;
  delete result.peaks;
}
