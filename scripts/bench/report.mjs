// Markdown from a report object.
import { peers } from '../../tests/peers/page/adapters/index.js';
import { cases } from '../../tests/peers/page/cases.js';
import { nativeTitles } from './native_peers.mjs';

const titles = {
  tinytorch: 'tinytorch-wasm',
  ...Object.fromEntries(Object.entries(peers).map(([id, { title }]) => [id, title])),
  ...nativeTitles,
};

const number = (value, digits = 3) =>
  value == null ? '-' : value >= 1000 ? value.toFixed(0) : value.toPrecision(digits);
const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');

function heading(report) {
  const { machine: m, settings: s } = report;
  return [
    `Machine: ${m.cpu}, ${m.processors} processors (${m.features.join(', ')}), ${m.memoryGB} GB, ${m.system}.`,
    `${report.browser ? `Browser: ${report.browser}. ` : ''}Node ${m.node}. Compiler: ${m.compiler || 'not known'}. Commit ${m.commit}. ${m.date}.`,
    `${s.pages} fresh page(s) a library and case, ${s.rounds} windows of ${s.windowMs} ms each, taken in turn.`,
  ].join('  \n');
}

const inMs = (c) => c.group === 'network' || c.group === 'training';

/** A library's better form: the one with the lower median. */
function bestForms(result) {
  const best = new Map();
  for (const m of result.measured) {
    const id = m.library === 'tinytorch' && m.form === 'copied' ? 'tinytorch/copied' : m.library;
    if (m.ms && !(best.get(id)?.ms.median <= m.ms.median)) best.set(id, m);
  }
  return best;
}

const title = (id) => (id === 'tinytorch/copied' ? 'tinytorch-wasm, data copied in and out' : titles[id]);

function section(heading_, results, cell) {
  const ids = [...new Set(results.flatMap((result) => [...bestForms(result).keys()]))];
  const rows = ids.map((id) => [
    title(id),
    ...results.map((result) => {
      const m = bestForms(result).get(id);
      return m ? cell(result, m, id) : '-';
    }),
  ]);
  return `${heading_}\n\n${table(['', ...results.map(({ case: c }) => c.label)], rows)}\n`;
}

function speedCell({ case: c }, m) {
  const value = inMs(c) ? number(m.ms.median) : m.gflops.toFixed(m.gflops < 10 ? 1 : 0);
  const best = inMs(c) ? number(m.ms.best) : (c.flops / m.ms.best / 1e6).toFixed(m.gflops < 10 ? 1 : 0);
  return `${value} (${best})`;
}

function ratioSection(results) {
  const ids = [...new Set(results.flatMap(({ ratios }) => Object.keys(ratios)))];
  if (ids.length === 0) return '';
  const rows = ids.map((id) => [
    titles[id],
    ...results.map(({ ratios }) => (ratios[id] ? `${ratios[id].median.toFixed(2)}` : '-')),
  ]);
  const peak = results.map((result) => bestForms(result).get('tinytorch')?.percentOfPeak);
  const peakRow = peak.some((p) => p != null)
    ? [['**% of the probe’s peak**', ...peak.map((p) => (p ? p.toFixed(0) : '-'))]]
    : [];
  return `Times as fast as (ratio inside a round, median):\n\n${table(['', ...results.map(({ case: c }) => c.label)], [...rows, ...peakRow])}\n`;
}

function peersMarkdown(report) {
  const parts = [`# Beside other libraries\n\n${heading(report)}\n`];
  // In the order of the cases, whatever was appended when.
  const place = new Map(cases.map(({ id }, i) => [id, i]));
  const ordered = report.results.toSorted((a, b) => place.get(a.case.id) - place.get(b.case.id));
  const groups = [...new Set(ordered.map(({ case: c }) => c.group))];
  for (const group of groups) {
    for (const threads of [...new Set(ordered.map((r) => r.threads))].sort()) {
      const results = ordered.filter((r) => r.case.group === group && r.threads === threads);
      if (results.length === 0) continue;
      const unit = inMs(results[0].case) ? 'ms' : 'GFLOP/s';
      const name = `## ${group}, ${results[0].case.dtype}, ${threads} thread${threads > 1 ? 's' : ''}: ${unit}, median (best)`;
      parts.push(section(name, results, speedCell), ratioSection(results));
    }
  }
  const failures = report.results.flatMap((r) =>
    r.measured.flatMap((m) =>
      [...new Set(m.errors)].map(
        (e) => `- ${titles[m.library]} (${m.form}), ${r.case.label}, ${r.threads} thread(s): ${e}`,
      ),
    ),
  );
  if (failures.length > 0) parts.push(`## Not measured\n\n${failures.join('\n')}\n`);
  return parts.filter(Boolean).join('\n');
}

/** GFLOP/s, and what part of the probe's. */
function rateCell(result) {
  if (!result?.ms) return result?.skipped ?? '-';
  const { gflops, percentOfPeak } = result;
  return `${gflops.toFixed(1)}${percentOfPeak ? ` (${percentOfPeak.toFixed(0)} %)` : ''}`;
}

function nativeMarkdown(report) {
  const parts = [`# Native\n\n${heading(report)}\n`];
  for (const dtype of new Set(report.results.map((r) => r.case.dtype))) {
    for (const threads of new Set(report.results.map((r) => r.threads))) {
      const results = report.results.filter((r) => r.case.dtype === dtype && r.threads === threads);
      if (results.length === 0) continue;
      const labels = [...new Set(results.map((r) => r.case.label))];
      const rows = [...new Set(results.map((r) => r.library))].map((library) => [
        library,
        ...labels.map((label) =>
          rateCell(results.find((r) => r.library === library && r.case.label === label)),
        ),
      ]);
      parts.push(
        `## ${dtype}, ${threads} thread${threads > 1 ? 's' : ''}: GFLOP/s (% of the probe’s peak)\n`,
        `${table(['library', ...labels], rows)}\n`,
      );
    }
  }
  return parts.join('\n');
}

function browserMarkdown(report) {
  const parts = [`# Every build and rung\n\n${heading(report)}\n`];
  for (const { browser, build, threads, dtype } of distinct(report.results)) {
    const results = report.results.filter(
      (r) => r.browser === browser && r.build === build && r.threads === threads && r.case.dtype === dtype,
    );
    const cases = [...new Set(results.map((r) => r.case.label))];
    const kernels = [...new Set(results.map((r) => r.kernel))];
    const find = (kernel, label) => results.find((r) => r.kernel === kernel && r.case.label === label);
    const rows = kernels.map((kernel) => [kernel, ...cases.map((label) => rateCell(find(kernel, label)))]);
    parts.push(
      `## ${browser}, build ${build}, ${dtype}, ${threads} thread${threads > 1 ? 's' : ''}: GFLOP/s (% of the probe’s peak)\n`,
      `${table(['rung', ...cases], rows)}\n`,
    );
  }
  return parts.join('\n');
}

function distinct(results) {
  const seen = new Map();
  for (const { browser, build, threads, case: c } of results) {
    seen.set([browser, build, threads, c.dtype].join(), { browser, build, threads, dtype: c.dtype });
  }
  return [...seen.values()];
}

const writers = { peers: peersMarkdown, browser: browserMarkdown, native: nativeMarkdown };
export const markdown = (report) => writers[report.kind](report);
