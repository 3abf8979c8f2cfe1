// --peers: the package beside other libraries, case by case, one thread and all threads.
import { peers } from '../../tests/peers/page/adapters/index.js';
import { quickCases, selectCases } from '../../tests/peers/page/cases.js';
import { serve } from '../serve.mjs';
import { launch } from './browsers.mjs';
import { nativeContestant, pageContestant } from './contestants.mjs';
import { describeMachine } from './machine.mjs';
import { nativePeers } from './native_peers.mjs';
import { compare, ratio } from './rounds.mjs';
import { assembleSite, moduleFiles, peerVersions } from './site.mjs';
import { median, summary } from './statistics.mjs';

export const ours = 'tinytorch';

/** The forms that this library is driven in; `copied` is shown beside the others and never stands for them. */
function ourForms(c) {
  if (c.kind === 'train') return ['tensor'];
  if (c.kind === 'forward') return ['tensor', 'out', 'copied'];
  return c.transA || c.transB ? ['tensor', 'out', 'copied'] : ['tensor', 'out', 'dense', 'copied'];
}

const timing = { minMs: 1500, maxMs: 6000, windowMs: 300, regionMs: 2 };

/** Runs the comparison and returns the report object described in docs/benchmarks.md. */
export async function runPeers(options, log, save) {
  const wanted = (id) => options.only.length === 0 || options.only.includes(id);
  const ids = Object.keys(peers).filter(wanted);
  const natives = nativePeers().filter((peer) => wanted(peer.id));
  const includeOurs = (await moduleFiles()).length > 0;
  if (!includeOurs) log('dist/ is not built: the other libraries are measured alone');

  const site = await serve(await assembleSite(ids));
  const browser = await launch('chromium');
  if (!browser)
    throw new Error('--peers needs Chromium: set CHROMIUM_PATH, or run scripts/setup.sh --for bench');
  const report = {
    schema: 1,
    kind: 'peers',
    machine: describeMachine(),
    browser: `${browser.name} ${browser.version}`,
    settings: { pages: options.pages, rounds: options.rounds, windowMs: options.windowMs },
    versions: await peerVersions(ids.map((id) => ({ id, ...peers[id] }))),
    results: [],
  };
  try {
    const cases =
      options.quick && !options.cases ? selectCases(quickCases.join(',')) : selectCases(options.cases);
    for (const c of cases) {
      for (const threads of options.threads) {
        const shared = { browser, url: site.url, c, threads, timing };
        const entries = [
          ...(includeOurs ? ourForms(c).map((form) => pageEntry({ ...shared, adapter: ours, form })) : []),
          ...ids.flatMap((id) =>
            peers[id].forms(c, threads).map((form) => pageEntry({ ...shared, adapter: id, form })),
          ),
          ...natives.filter((peer) => peer.can(c, threads)).map((peer) => nativeEntry(peer, c, threads)),
        ];
        if (entries.length === 0) continue;
        log(`${c.label} ${c.dtype}, ${threads} thread${threads > 1 ? 's' : ''}`);
        const results = await compare(entries, { ...options, log });
        report.results.push(describeCase(c, threads, entries, results));
        logCase(report.results.at(-1), log);
        await save(report);
      }
    }
  } finally {
    await browser.close();
    await site.close();
  }
  return report;
}

function pageEntry({ adapter, form, ...rest }) {
  return {
    key: `${adapter}/${form}`,
    library: adapter,
    form,
    make: () => pageContestant({ adapter, form, ...rest }),
  };
}

function nativeEntry(peer, c, threads) {
  const { command, args, env } = peer.start(c, threads);
  return {
    key: `${peer.id}/native`,
    library: peer.id,
    form: 'native',
    make: () => nativeContestant({ command, args, env, c, threads }),
  };
}

function describeCase(c, threads, entries, results) {
  const measured = entries.map(({ key, library, form }) => {
    const { info, samples, rounds, peaks, errors } = results.get(key);
    const ms = samples.length > 0 ? summary(rounds.filter((round) => round !== null)) : null;
    if (ms) ms.best = Math.min(...samples);
    const peak = peaks.length > 0 ? summary(peaks).median : null;
    const gflops = ms && c.flops / ms.median / 1e6;
    return {
      library,
      form,
      build: info?.build ?? null,
      ms,
      gflops,
      peakGflops: peak,
      percentOfPeak: peak && gflops ? (100 * gflops) / (peak * threads) : null,
      errorShare: info?.errorShare ?? null,
      firstResultMs: info?.firstResultMs ?? null,
      errors,
    };
  });
  const { id, label, group, dtype, flops } = c;
  return {
    case: { id, label, group, dtype, flops },
    threads,
    measured,
    ratios: ratiosToPeers(entries, results),
  };
}

/** Our better form against each other library's better form: above 1, ours is faster. */
function ratiosToPeers(entries, results) {
  const medianOf = ({ key }) => {
    const rounds = results.get(key).rounds.filter((round) => round !== null);
    return rounds.length > 0 ? median(rounds) : Infinity;
  };
  const better = (candidates) => candidates.reduce((a, b) => (medianOf(b) < medianOf(a) ? b : a));
  const us = entries.filter((entry) => entry.library === ours && entry.form !== 'copied');
  if (us.length === 0) return {};
  const own = better(us);
  const ratios = {};
  for (const library of new Set(entries.map((entry) => entry.library))) {
    if (library === ours) continue;
    const peer = better(entries.filter((entry) => entry.library === library));
    const value = ratio(results.get(peer.key), results.get(own.key));
    if (value) ratios[library] = { ours: own.form, form: peer.form, ...value };
  }
  return ratios;
}

function logCase({ case: c, measured, ratios }, log) {
  for (const { library, form, ms, gflops, percentOfPeak } of measured) {
    if (!ms) continue;
    const speed = c.group === 'network' || c.group === 'training' ? '' : ` ${gflops.toFixed(1)} GFLOP/s`;
    const peak = percentOfPeak ? ` ${percentOfPeak.toFixed(0)} % of peak` : '';
    const times = ratios[library]?.form === form ? `  ours ${ratios[library].median.toFixed(2)}x` : '';
    log(
      `  ${`${library}/${form}`.padEnd(26)} ${ms.median.toPrecision(4)} ms (best ${ms.best.toPrecision(4)})${speed}${peak}${times}`,
    );
  }
}
