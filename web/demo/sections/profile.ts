// The library's own profile of the forward pass, before and after, side by side.
import { proxy } from 'comlink';
import type { Engine } from '../engine/engine';
import type { ProfileResult } from '../engine/protocol';
import { byId, h, replace } from '../ui/dom';
import { duration, gflops, milliseconds, percent, tableMs } from '../ui/format';
import { sourceLine } from '../ui/machine';
import { createPanel, type Job, type Panel } from '../ui/panel';
import { tableShell } from '../ui/table';

const COLUMNS = [
  { title: 'Scope' },
  { title: 'Share', hint: 'Of the whole time, inner scopes left out' },
  { title: 'Self', numeric: true, hint: 'Milliseconds in the scope itself' },
  { title: 'Total', numeric: true, hint: 'Milliseconds, inner scopes included' },
  { title: 'Calls', numeric: true },
  { title: 'Per call', numeric: true, hint: 'Milliseconds, inner scopes included' },
  { title: 'GFLOP/s', numeric: true },
];

/** A profile is taken in one go: few enough passes for it to be over in a blink. */
const MAX_PASSES = 20;

export function profileSection(engine: Engine, passesFromUrl: number | undefined): Panel {
  let reports: ProfileResult[] = [];
  const headline = h('p', { class: 'headline' });
  const columns = h('div', { class: 'side-by-side' });
  const results = h('div', { class: 'results' }, headline, columns);

  const run: Job = async (signal, onProgress) => {
    reports = [];
    await engine.run(signal, (api) =>
      api.profiles(
        { passes: Math.min(passesFromUrl ?? MAX_PASSES, MAX_PASSES) },
        proxy(onProgress),
        proxy((report: ProfileResult) => {
          reports.push(report);
          replace(headline, headlineText());
          replace(columns, ...reports.map(reportTable));
        }),
      ),
    );
    return headlineText();
  };

  const hottest = (report: ProfileResult) =>
    report.rows.reduce((top, row) => (row.selfMs > top.selfMs ? row : top));

  function headlineText(): string {
    const before = reports.find(({ kernel }) => kernel === 'naive');
    if (!before?.rows.length) return '';
    const hot = hottest(before);
    return `Before, ${percent(hot.share)} of the time is spent in ${hot.name}: that is the place to optimise.`;
  }

  function reportTable(report: ProfileResult): HTMLElement {
    const { element, table } = tableShell(report.title, COLUMNS);
    table.append(
      h(
        'tbody',
        {},
        ...report.rows.map((row) =>
          h(
            'tr',
            { class: row === hottest(report) ? 'best' : '', data: { scope: row.name } },
            h('th', { scope: 'row' }, h('code', {}, row.name)),
            h(
              'td',
              { class: 'share', data: { share: String(row.share) } },
              h('span', { class: 'share-bar', vars: { share: String(row.share) } }),
              percent(row.share),
            ),
            h('td', { class: 'num' }, tableMs(row.selfMs)),
            h('td', { class: 'num' }, tableMs(row.totalMs)),
            h('td', { class: 'num' }, row.calls),
            h('td', { class: 'num' }, tableMs(row.totalMs / row.calls)),
            h('td', { class: 'num' }, row.gflops > 0 ? gflops(row.gflops) : '–'),
          ),
        ),
      ),
    );
    return h(
      'div',
      { data: { report: report.kernel } },
      h('h3', {}, report.title),
      h(
        'p',
        { class: 'note' },
        `${report.passes} passes in ${duration(report.wallMs)}, ${milliseconds(report.wallMs / report.passes)} each`,
      ),
      element,
    );
  }

  const panel = createPanel({
    engine,
    runLabel: 'Take both profiles',
    run,
    results,
    emptyText: 'No profile taken yet.',
    table: () =>
      reports.length === 0
        ? undefined
        : {
            title: 'Profile of the forward pass, 784-256-128-10, batch 64',
            source: sourceLine(engine.info),
            columns: ['kernel', 'scope', 'calls', 'total ms', 'self ms', 'ms per call', 'share', 'GFLOP/s'],
            rows: reports.flatMap(({ kernel, rows }) =>
              rows.map((row) => [
                kernel,
                row.name,
                row.calls,
                row.totalMs,
                row.selfMs,
                row.totalMs / row.calls,
                row.share,
                row.gflops || null,
              ]),
            ),
          },
  });
  byId('profile-panel').append(panel.element);
  return {
    element: panel.element,
    reset() {
      reports = [];
      panel.reset();
    },
  };
}
