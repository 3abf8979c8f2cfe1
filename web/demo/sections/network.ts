// The network, before and after: the same forward pass with every rung.
import { proxy } from 'comlink';
import type { Engine } from '../engine/engine';
import type { NetworkRow } from '../engine/protocol';
import { barChart } from '../ui/charts';
import { byId, h, replace } from '../ui/dom';
import { radioField } from '../ui/fields';
import { duration, gflops, milliseconds, percent, scientific, significant, times } from '../ui/format';
import { sourceLine } from '../ui/machine';
import { createPanel, type Job, type Panel } from '../ui/panel';
import { type Column, tableShell, verifiedMark } from '../ui/table';
import { rungCell, whyUnavailable } from './rungs';
import { drawDigits } from './digits';

type Columns = (Column & { cell: (row: NetworkRow, base: NetworkRow | undefined) => Node | string })[];

/** After the rung's own name; what matters most comes first, where a phone shows it. */
const COLUMNS: Columns = [
  {
    title: 'ms per pass',
    numeric: true,
    hint: 'Mean over all passes; median and best stand in the tooltip of each figure',
    cell: ({ msPerPass, medianMs, bestMs }) =>
      h(
        'span',
        { title: `median ${milliseconds(medianMs)}, best ${milliseconds(bestMs)}` },
        significant(msPerPass),
      ),
  },
  {
    title: 'Speed-up',
    numeric: true,
    hint: 'Against the naive rung',
    cell: (row, base) => (base ? times(base.totalMs / row.totalMs) : '–'),
  },
  {
    title: 'GFLOP/s',
    numeric: true,
    hint: 'Multiplications and additions of the three products, per second',
    cell: (row) => gflops(row.gflops),
  },
  { title: 'Total', numeric: true, hint: 'All passes together', cell: (row) => duration(row.totalMs) },
  { title: 'Time saved', numeric: true, hint: 'Against the naive rung, over all passes', cell: timeSaved },
  {
    title: 'Largest difference',
    numeric: true,
    hint: 'From the same network in float64, over all 640 outputs',
    cell: (row) => scientific(row.maxError),
  },
  {
    title: 'Check',
    hint: 'Every output within the bound that rounding explains',
    cell: (row) =>
      verifiedMark(row.verified, `The worst output uses ${percent(row.boundShare)} of its error bound`),
  },
];

function timeSaved(row: NetworkRow, base: NetworkRow | undefined): string {
  if (!base || row === base) return '–';
  const saved = base.totalMs - row.totalMs;
  return `${saved < 0 ? '−' : ''}${duration(Math.abs(saved))} (${percent(saved / base.totalMs)})`;
}

export function networkSection(engine: Engine, passesFromUrl: number | undefined): Panel {
  let rows: NetworkRow[] = [];
  const choices = [100, 1000].map((value) => ({ value, label: String(value) }));
  if (passesFromUrl && !choices.some(({ value }) => value === passesFromUrl)) {
    choices.unshift({ value: passesFromUrl, label: String(passesFromUrl) });
  }
  const passes = radioField('Forward passes', choices, passesFromUrl ?? 100);
  const headline = h('p', { class: 'headline' });
  const chart = barChart();
  const { element: tableElement, table } = tableShell('The network with every rung', [
    { title: 'Rung' },
    ...COLUMNS,
  ]);
  const body = h('tbody');
  table.append(body);
  const results = h('div', { class: 'results' }, headline, chart.element, tableElement);

  const run: Job = async (signal, onProgress) => {
    rows = [];
    const count = passes.value();
    await engine.run(signal, (api) =>
      api.network(
        { passes: count },
        proxy(onProgress),
        proxy((row: NetworkRow) => {
          rows.push(row);
          render();
        }),
      ),
    );
    return headlineText();
  };

  const naive = () => rows.find(({ rung }) => rung.name === 'naive');
  const fastest = () =>
    rows.reduce<NetworkRow | undefined>(
      (best, row) => (!best || row.totalMs < best.totalMs ? row : best),
      undefined,
    );

  function headlineText(): string {
    const base = naive();
    const best = fastest();
    if (!base || !best) return '';
    if (base === best) return `${base.rung.name} needs ${milliseconds(base.msPerPass)} a pass.`;
    const all = rows.every(({ verified }) => verified) ? 'all outputs verified' : 'not all outputs verified';
    return `${significant(base.totalMs / best.totalMs, 2)} times faster: ${best.rung.name} runs the network in ${milliseconds(best.msPerPass)} instead of ${milliseconds(base.msPerPass)}, ${all}.`;
  }

  function render(): void {
    const base = naive();
    const best = fastest();
    const info = engine.info;
    replace(headline, headlineText());
    chart.update({
      title: 'Speed of the forward pass',
      unit: 'GFLOP/s',
      format: gflops,
      bars: rows.map((row) => ({
        label: row.rung.name,
        value: row.gflops,
        emphasis: row === base ? 'baseline' : row === best ? 'best' : 'plain',
      })),
    });
    const measured = rows.map((row) =>
      h(
        'tr',
        { class: row === best && row !== base ? 'best' : '', data: { rung: row.rung.name } },
        rungCell(row.rung),
        ...COLUMNS.map(({ numeric, cell }) => h('td', { class: numeric ? 'num' : '' }, cell(row, base))),
      ),
    );
    const missing = (info?.rungs ?? [])
      .filter(({ available }) => !available)
      .map((rung) =>
        h(
          'tr',
          { class: 'unavailable', data: { rung: rung.name } },
          rungCell(rung),
          h('td', { colSpan: COLUMNS.length }, whyUnavailable(rung, info!)),
        ),
      );
    replace(body, ...measured, ...missing);
  }

  const panel = createPanel({
    engine,
    runLabel: 'Run the network',
    controls: [passes.element],
    run,
    results,
    emptyText:
      'Nothing measured yet. Every rung is checked against a float64 reference first, then timed, in this tab.',
    table: () =>
      rows.length === 0
        ? undefined
        : {
            title: `784-256-128-10, batch 64, ${rows[0]!.passes} passes`,
            source: sourceLine(engine.info),
            columns: [
              'rung',
              'total ms',
              'ms per pass',
              'median ms',
              'GFLOP/s',
              'speed-up',
              'time saved ms',
              'largest difference',
              'verified',
            ],
            rows: rows.map((row) => [
              row.rung.name,
              row.totalMs,
              row.msPerPass,
              row.medianMs,
              row.gflops,
              naive() ? naive()!.totalMs / row.totalMs : null,
              naive() ? naive()!.totalMs - row.totalMs : null,
              row.maxError,
              row.verified,
            ]),
          },
  });
  byId('network-panel').append(panel.element);

  const showDigits = () => {
    if (engine.state !== 'ready') return;
    engine.removeEventListener('change', showDigits);
    // Decoration: where the digits cannot be had, the run says so in words.
    engine
      .ask((api) => api.sample())
      .then(
        (sample) => drawDigits(byId<HTMLCanvasElement>('digits'), sample),
        () => {},
      );
  };
  engine.addEventListener('change', showDigits);

  return {
    element: panel.element,
    reset() {
      rows = [];
      panel.reset();
    },
  };
}
