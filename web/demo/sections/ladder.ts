// The matmul ladder: square products by size, type and rung, against Eigen.
import { proxy } from 'comlink';
import type { Engine } from '../engine/engine';
import type { DType, EngineInfo, LadderOptions, LadderRow, Rung } from '../engine/protocol';
import { lineChart } from '../ui/charts';
import { byId, h, replace } from '../ui/dom';
import { checkField, radioField } from '../ui/fields';
import { duration, gflops, milliseconds, significant, times } from '../ui/format';
import { sourceLine } from '../ui/machine';
import { createPanel, type Job, type Panel } from '../ui/panel';
import { tableShell, verifiedMark } from '../ui/table';
import { rungCell, rungColour, whyUnavailable } from './rungs';

const SIZES = [100, 500, 1000, 2000];
const DTYPES: DType[] = ['float32', 'float64'];

const COLUMNS = [
  { title: 'Rung' },
  {
    title: 'Time',
    numeric: true,
    hint: 'Median of one product; runs and best time stand in the tooltip of each figure',
  },
  { title: 'GFLOP/s', numeric: true },
  { title: 'Speed-up', numeric: true, hint: 'Against the naive rung at the same size and type' },
  { title: 'Slowdown', numeric: true, hint: "Time over Eigen's time: below 1 is faster than the library" },
  { title: 'Check', hint: 'The product of small integers, compared exactly' },
];

type Timed = Extract<LadderRow, { kind: 'timed' }>;

/** `limit`: the seconds that one product may take; a rung that would need more is skipped. */
export function ladderSection(engine: Engine, limit: number): Panel {
  let rows: LadderRow[] = [];
  const sizes = checkField(
    'Sizes',
    SIZES.map((value) => ({ value, label: String(value), checked: value <= 1000 })),
  );
  const types = checkField(
    'Types',
    DTYPES.map((value) => ({ value, label: value, checked: value === 'float32' })),
  );
  const shown = radioField<DType>(
    'Chart',
    DTYPES.map((value) => ({ value, label: value })),
    'float32',
    () => renderChart(),
  );
  const headline = h('p', { class: 'headline' });
  const chart = lineChart();
  const { element: tableElement, table } = tableShell('Square products with every rung', COLUMNS);
  const results = h('div', { class: 'results' }, headline, shown.element, chart.element, tableElement);

  const start =
    (options: Omit<LadderOptions, 'limitMs'>): Job =>
    async (signal, onProgress) => {
      if (options.sizes.length === 0 || options.dtypes.length === 0)
        throw new Error('Choose at least one size and one type.');
      rows = [];
      await engine.run(signal, (api) =>
        api.ladder(
          { ...options, limitMs: limit * 1000 },
          proxy(onProgress),
          proxy((row: LadderRow) => {
            rows.push(row);
            render();
          }),
        ),
      );
      return headlineText();
    };

  const isTimed = (row: LadderRow | undefined): row is Timed => row?.kind === 'timed';
  const find = (rung: string, size: number, dtype: DType) =>
    rows.find((row) => row.rung === rung && row.size === size && row.dtype === dtype);
  const against = (rung: string, row: Timed) => {
    const other = find(rung, row.size, row.dtype);
    return isTimed(other) ? other.medianMs : undefined;
  };

  function headlineText(): string {
    const best = rows
      .filter(isTimed)
      .reduce<Timed | undefined>((top, row) => (!top || row.gflops > top.gflops ? row : top), undefined);
    if (!best) return '';
    const eigen = against('eigen', best);
    const compared =
      eigen && best.rung !== 'eigen'
        ? `, ${times(eigen / best.medianMs)} as fast as Eigen in the same module`
        : '';
    return `${best.rung} reaches ${gflops(best.gflops)} GFLOP/s at ${best.size} × ${best.size} in ${best.dtype}${compared}.`;
  }

  function renderChart(): void {
    const dtype = shown.value();
    chart.update({
      title: `Speed of square products, ${dtype}`,
      xTitle: 'Size n of an n × n product',
      yTitle: 'GFLOP/s',
      xTicks: SIZES.filter((size) => rows.some((row) => row.size === size && row.dtype === dtype)),
      dots: true,
      format: gflops,
      lines: (engine.info?.rungs ?? []).flatMap((rung, index) => {
        const points = rows
          .filter(isTimed)
          .filter((row) => row.rung === rung.name && row.dtype === dtype)
          .map(({ size, gflops: y }) => ({ x: size, y }));
        const line = { label: rung.name, points, colour: rungColour(index), dashed: rung.name === 'eigen' };
        return points.length ? [line] : [];
      }),
    });
  }

  function render(): void {
    replace(headline, headlineText());
    const measured = [...new Set(rows.map(({ dtype }) => dtype))];
    shown.element.hidden = measured.length < 2;
    renderChart();
    for (const old of [...table.tBodies]) old.remove();
    for (const dtype of DTYPES) {
      for (const size of SIZES) {
        const group = rows.filter((row) => row.size === size && row.dtype === dtype);
        if (group.length) table.append(groupBody(size, dtype, group));
      }
    }
    const missing = (engine.info?.rungs ?? []).filter(({ available }) => !available);
    if (missing.length) table.append(missingBody(missing, engine.info!));
  }

  function groupBody(size: number, dtype: DType, group: LadderRow[]): HTMLTableSectionElement {
    const info = engine.info;
    const best = group
      .filter(isTimed)
      .reduce<Timed | undefined>((top, row) => (!top || row.gflops > top.gflops ? row : top), undefined);
    const body = h(
      'tbody',
      {},
      h(
        'tr',
        { class: 'group' },
        h('th', { scope: 'rowgroup', colSpan: COLUMNS.length }, `${size} × ${size}, ${dtype}`),
      ),
    );
    for (const row of group) {
      const rung = info?.rungs.find(({ name }) => name === row.rung);
      if (!rung) continue;
      const data = { rung: rung.name, size: String(size), dtype };
      if (row.kind === 'skipped') {
        body.append(
          h(
            'tr',
            { class: 'skipped', data },
            rungCell(rung),
            h(
              'td',
              { colSpan: COLUMNS.length - 1 },
              `skipped: one product would take ${duration(row.estimateMs)}, estimated from 24 of its ${size} rows`,
            ),
          ),
        );
      } else {
        const naive = against('naive', row);
        const eigen = against('eigen', row);
        body.append(
          h(
            'tr',
            { class: row === best ? 'best' : '', data },
            rungCell(rung),
            h(
              'td',
              {
                class: 'num',
                title: `${row.runs} run${row.runs === 1 ? '' : 's'}, best ${milliseconds(row.bestMs)}`,
              },
              duration(row.medianMs),
            ),
            h('td', { class: 'num' }, gflops(row.gflops)),
            h('td', { class: 'num' }, naive ? times(naive / row.medianMs) : '–'),
            h('td', { class: 'num' }, eigen ? significant(row.medianMs / eigen) : '–'),
            h('td', {}, verifiedMark(row.verified, 'All elements of the product, compared exactly')),
          ),
        );
      }
    }
    return body;
  }

  function missingBody(missing: Rung[], info: EngineInfo): HTMLTableSectionElement {
    return h(
      'tbody',
      {},
      h(
        'tr',
        { class: 'group' },
        h('th', { scope: 'rowgroup', colSpan: COLUMNS.length }, 'Not to be had here'),
      ),
      ...missing.map((rung) =>
        h(
          'tr',
          { class: 'unavailable', data: { rung: rung.name } },
          rungCell(rung),
          h('td', { colSpan: COLUMNS.length - 1 }, whyUnavailable(rung, info)),
        ),
      ),
    );
  }

  const panel = createPanel({
    engine,
    runLabel: 'Run the chosen sizes',
    controls: [sizes.element, types.element],
    extraRuns: [{ label: 'Run all', run: start({ sizes: SIZES, dtypes: DTYPES }) }],
    run: (signal, onProgress) => start({ sizes: sizes.values(), dtypes: types.values() })(signal, onProgress),
    results,
    emptyText: `Nothing measured yet. A rung that would take over ${limit} seconds for one product is skipped, with its estimate.`,
    table: () =>
      rows.length === 0
        ? undefined
        : {
            title: 'Square matrix products',
            source: sourceLine(engine.info),
            columns: [
              'size',
              'type',
              'rung',
              'median ms',
              'best ms',
              'GFLOP/s',
              'slowdown against Eigen',
              'verified',
              'skipped, estimate ms',
            ],
            rows: rows.map((row) =>
              row.kind === 'timed'
                ? [
                    row.size,
                    row.dtype,
                    row.rung,
                    row.medianMs,
                    row.bestMs,
                    row.gflops,
                    against('eigen', row) ? row.medianMs / against('eigen', row)! : null,
                    row.verified,
                    null,
                  ]
                : [row.size, row.dtype, row.rung, null, null, null, null, null, row.estimateMs],
            ),
          },
  });
  byId('ladder-panel').append(panel.element);
  return {
    element: panel.element,
    reset() {
      rows = [];
      panel.reset();
    },
  };
}
