// The two kinds of chart on the page, drawn in the page's own colours, light or dark.
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  type Plugin,
  PointElement,
  Tooltip,
} from 'chart.js';
import { h } from './dom';

/** Writes each bar's value at its end: the number is read without a pointer. */
const valueLabels: Plugin<'bar', { format?: (value: number) => string }> = {
  id: 'valueLabels',
  afterDatasetsDraw(chart, _, { format }) {
    if (!format) return;
    const { ctx } = chart;
    ctx.save();
    ctx.font = `600 12px ${Chart.defaults.font.family}`;
    ctx.textBaseline = 'middle';
    ctx.fillStyle = token('--ink');
    chart.data.datasets.forEach((dataset, index) => {
      chart.getDatasetMeta(index).data.forEach((bar, i) => {
        const value = dataset.data[i];
        if (typeof value === 'number' && Number.isFinite(value))
          ctx.fillText(format(value), bar.x + 6, bar.y);
      });
    });
    ctx.restore();
  },
};

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
  valueLabels,
);

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const charts = new Set<() => void>();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const redraw of charts) redraw();
});

function applyTheme(): void {
  Chart.defaults.font.family = token('--sans');
  Chart.defaults.font.size = 12;
  Chart.defaults.color = token('--muted');
  Chart.defaults.borderColor = token('--rule');
  // Drawn at once: a chart that moves while the processor is being measured would take part in it.
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
}

interface Frame<T> {
  element: HTMLElement;
  update(data: T): void;
}

function frame<T>(
  className: string,
  configure: (data: T) => { config: ChartConfiguration; description: string },
): Frame<T> {
  const canvas = h('canvas', { role: 'img' });
  const element = h('div', { class: `chart ${className}` }, canvas);
  let chart: Chart | undefined;
  let last: T | undefined;
  const draw = () => {
    if (last === undefined) return;
    applyTheme();
    const { config, description } = configure(last);
    canvas.setAttribute('aria-label', description);
    if (!chart) {
      chart = new Chart(canvas, config);
      return;
    }
    chart.data = config.data;
    chart.options = config.options ?? {};
    chart.update('none');
  };
  charts.add(draw);
  return {
    element,
    update(data) {
      last = data;
      draw();
    },
  };
}

export interface BarData {
  title: string;
  unit: string;
  bars: { label: string; value: number; emphasis: 'plain' | 'baseline' | 'best' }[];
  format: (value: number) => string;
}

/** Horizontal bars, one a rung. The element grows with their number. */
export function barChart(): Frame<BarData> {
  const chart = frame<BarData>('chart-bars', ({ title, unit, bars, format }) => {
    const colours = { plain: token('--bar'), baseline: token('--bar-base'), best: token('--accent') };
    chart.element.style.setProperty('--bars', String(bars.length));
    return {
      description: `${title}: ${bars.map(({ label, value }) => `${label} ${format(value)} ${unit}`).join(', ')}`,
      config: {
        type: 'bar',
        data: {
          labels: bars.map(({ label }) => label),
          datasets: [
            {
              label: unit,
              data: bars.map(({ value }) => value),
              backgroundColor: bars.map(({ emphasis }) => colours[emphasis]),
              borderRadius: 3,
              maxBarThickness: 22,
            },
          ],
        },
        options: {
          indexAxis: 'y',
          layout: { padding: { right: 52 } },
          scales: {
            x: { beginAtZero: true, title: { display: true, text: unit }, grid: { tickLength: 0 } },
            y: { grid: { display: false }, ticks: { color: token('--ink') } },
          },
          plugins: {
            legend: { display: false },
            tooltip: { callbacks: { label: (item) => `${format(Number(item.raw))} ${unit}` } },
            valueLabels: { format },
          } as NonNullable<ChartConfiguration['options']>['plugins'],
        },
      },
    };
  });
  return chart;
}

export interface LineData {
  title: string;
  xTitle: string;
  yTitle: string;
  lines: {
    label: string;
    points: { x: number; y: number }[];
    /** A custom property of the page's colours. */
    colour: string;
    dashed?: boolean;
  }[];
  format: (value: number) => string;
  /** The only values that stand at the x axis; without them it is divided evenly. */
  xTicks?: number[];
  xMin?: number;
  yMin?: number;
  yMax?: number;
  /** A dot at each point: for few of them. */
  dots: boolean;
}

/** Lines over a common linear x axis. */
export function lineChart(): Frame<LineData> {
  return frame<LineData>(
    'chart-lines',
    ({ title, xTitle, yTitle, lines, format, xTicks, xMin, yMin, yMax, dots }) => {
      const ends = lines.map(({ label, points }) => {
        const last = points.at(-1);
        return `${label} ${last ? format(last.y) : 'has no points yet'}`;
      });
      return {
        description: `${title}, at the end of each line: ${ends.join(', ')}`,
        config: {
          type: 'line',
          data: {
            datasets: lines.map(({ label, points, colour, dashed }) => ({
              label,
              data: points,
              borderColor: token(colour),
              backgroundColor: token(colour),
              borderWidth: 2,
              borderDash: dashed ? [5, 4] : [],
              pointRadius: dots ? 3 : 0,
              pointHitRadius: 12,
            })),
          },
          options: {
            interaction: { mode: 'index', intersect: false },
            scales: {
              x: {
                type: 'linear',
                min: xMin,
                title: { display: true, text: xTitle },
                grid: { display: false },
                ticks: { maxTicksLimit: 8, maxRotation: 0 },
                ...(xTicks
                  ? { afterBuildTicks: (axis) => void (axis.ticks = xTicks.map((value) => ({ value }))) }
                  : {}),
              },
              y: { beginAtZero: true, min: yMin, max: yMax, title: { display: true, text: yTitle } },
            },
            plugins: {
              legend: {
                position: 'bottom',
                labels: { boxWidth: 14, boxHeight: 2, padding: 12, color: token('--ink') },
              },
              tooltip: {
                callbacks: {
                  title: (items) => (items[0] ? `${xTitle}: ${items[0].parsed.x}` : ''),
                  label: (item) => `${item.dataset.label}: ${format(item.parsed.y ?? NaN)}`,
                },
              },
            },
          },
        },
      };
    },
  );
}
