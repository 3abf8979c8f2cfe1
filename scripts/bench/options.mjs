// The command line of scripts/bench.sh, as far as its Node part goes.
import { parseArgs } from 'node:util';

export const usage = `Usage: scripts/bench.sh [--native] [--browser] [--peers] [options]

  --native          Google Benchmark: every rung and shape natively, Eigen, OpenBLAS where installed
  --browser         the package in headless Chromium and, where installed, Firefox and WebKit: every build and rung
  --peers           the package beside other libraries, in Chromium; and beside native libraries where installed
                    (without any of the three: all of them)
  --publish         write the last runs' Markdown into docs/benchmarks.md (alone, or after a run)

  --quick           a few cases, one page each, short windows: minutes instead of hours, less certain
  --cases LIST      ids or groups: square, layers, gradients, network, training, float64, f32-500, forward-64, ...
  --only LIST       only these libraries: onnxruntime litert tfjs jax numpy_ts ml_matrix eigen-sse openblas-sse pytorch ...
  --browsers LIST   for --browser: chromium, firefox, webkit
  --kernels LIST    for --browser: only these rungs
  --threads LIST    1, all, or a number (default: 1,all)
  --pages N         fresh pages for each library and case (default 3; quick 1)
  --rounds N        timing windows in each page, taken in turn with the other libraries' (default 8; quick 4)
  --window MS       length of a window (default 150; quick 100)
  --name NAME       the result's name in build/bench/ (default: native, browser or peers)
  --append          keep an earlier result of that name, replacing only what is measured again
`;

const definitions = {
  native: { type: 'boolean' },
  browser: { type: 'boolean' },
  publish: { type: 'boolean', default: false },
  append: { type: 'boolean', default: false },
  peers: { type: 'boolean' },
  quick: { type: 'boolean', default: false },
  cases: { type: 'string', default: '' },
  only: { type: 'string', default: '' },
  browsers: { type: 'string', default: 'chromium,firefox,webkit' },
  kernels: { type: 'string', default: '' },
  threads: { type: 'string', default: '1,all' },
  pages: { type: 'string' },
  rounds: { type: 'string' },
  window: { type: 'string' },
  name: { type: 'string' },
};

const words = (text) => text.split(',').filter(Boolean);

function count(value, name, fallback) {
  const number = value === undefined ? fallback : Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${name} takes a whole number from 1, not '${value}'`);
  return number;
}

export function parseOptions(argv, processors) {
  const { values } = parseArgs({ args: argv, options: definitions });
  const threads = words(values.threads).map((word) => (word === 'all' ? processors : count(word, 'threads')));
  return {
    ...values,
    only: words(values.only),
    browsers: words(values.browsers),
    kernels: words(values.kernels),
    threads: [...new Set(threads)],
    pages: count(values.pages, 'pages', values.quick ? 1 : 3),
    rounds: count(values.rounds, 'rounds', values.quick ? 4 : 8),
    windowMs: count(values.window, 'window', values.quick ? 100 : 150),
  };
}
