// Square products of every size, type and rung: checked to be exact, then timed.
import type { TinyTorch } from 'tinytorch-wasm';
import type { DType, LadderOptions, LadderRow } from '../engine/protocol';
import type { JobContext } from './context';
import { isExactProduct } from './reference';
import { timeCalls, warmUp } from './timing';

/** Enough rows for every rung to work as it does on the whole, few enough to be quick. */
const SLAB_ROWS = 24;
const MIN_RUNS = 3;
const MAX_RUNS = 50;
/** Time for the repeated runs of one case. */
const BUDGET_MS = 300;
/** A product longer than this runs once. */
const LONG_MS = 1000;

/** Integers in -64..64: products of up to 2048 terms are exact in float32, so a result is right or wrong. */
function integers(count: number, random: () => number): Int8Array {
  return Int8Array.from({ length: count }, () => Math.floor(random() * 129) - 64);
}

/** A small counter-based generator (splitmix32): the same matrices on every machine. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

export async function runLadder(
  tt: TinyTorch,
  options: LadderOptions,
  context: JobContext,
  onRow: (row: LadderRow) => unknown,
): Promise<void> {
  const rungs = tt.kernels().filter((rung) => rung.available);
  const cases = options.dtypes.flatMap((dtype) => options.sizes.map((size) => ({ dtype, size })));
  // Weighted by the arithmetic, with a share for what every case costs at least.
  const weight = (size: number) => 40 + size ** 3 / 4e6;
  const whole = cases.reduce((sum, { size }) => sum + weight(size) * rungs.length, 0);
  let done = 0;
  const warm = new Set<string>();

  for (const { dtype, size } of cases) {
    const random = generator(size);
    const a = integers(size * size, random);
    const b = integers(size * size, random);
    const make = (values: Int8Array, rows: number) =>
      new tt.Tensor(
        (dtype === 'float32' ? Float32Array : Float64Array).from(values.subarray(0, rows * size)),
        {
          shape: [rows, size],
          dtype,
        },
      );
    const slabRows = Math.min(SLAB_ROWS, size);
    const tensors = { a: make(a, size), b: make(b, size), slab: make(a, slabRows) };
    try {
      for (const rung of rungs) {
        context.report(done / whole, `${size} × ${size}, ${dtype}: ${rung.name}`);
        // Awaited: the page draws the row now, not while the next rung is timed.
        await onRow(await runCase(rung.name, dtype, size, slabRows, tensors, { a, b }, random));
        done += weight(size);
      }
    } finally {
      for (const tensor of Object.values(tensors)) tensor.dispose();
    }
  }

  type Operand = InstanceType<TinyTorch['Tensor']>;

  async function runCase(
    kernel: string,
    dtype: DType,
    size: number,
    slabRows: number,
    { a, b, slab }: { a: Operand; b: Operand; slab: Operand },
    integerOperands: { a: Int8Array; b: Int8Array },
    random: () => number,
  ): Promise<LadderRow> {
    // A few rows of the same product: they warm the machine code up and tell what the whole will take,
    // caches included, which a smaller square would not.
    // The first size meets code that the engine has yet to compile for speed; after that it stays.
    const code = `${kernel} ${dtype}`;
    const slabMs = await warmUp(
      () => tt.matmul(slab, b, { kernel }).dispose(),
      context,
      warm.has(code) ? 60 : 300,
    );
    warm.add(code);
    const estimateMs = (slabMs * size) / slabRows;
    if (estimateMs > options.limitMs) return { kind: 'skipped', rung: kernel, size, dtype, estimateMs };

    await context.checkpoint();
    const start = performance.now();
    const c = tt.matmul(a, b, { kernel });
    const firstMs = performance.now() - start;
    const verified = isExactProduct(integerOperands.a, integerOperands.b, c.data(), size, random);
    c.dispose();

    // A long product is timed by the very run that was checked.
    const runs = Math.max(MIN_RUNS, Math.min(MAX_RUNS, Math.floor(BUDGET_MS / Math.max(firstMs, 0.01))));
    const again =
      firstMs <= LONG_MS &&
      (await timeCalls(() => tt.matmul(a, b, { kernel }).dispose(), runs, firstMs, context));
    const { medianMs, bestMs, calls } = again || { medianMs: firstMs, bestMs: firstMs, calls: 1 };
    return {
      kind: 'timed',
      rung: kernel,
      size,
      dtype,
      medianMs,
      bestMs,
      runs: calls,
      gflops: (2 * size ** 3) / medianMs / 1e6,
      verified,
    };
  }
}
