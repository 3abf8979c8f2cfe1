// The network 784-256-128-10 on 64 real digits, once with every rung: verified first, then timed.
import type { TinyTorch } from 'tinytorch-wasm';
import type { NetworkOptions, NetworkRow, NetworkSummary, Rung } from '../engine/protocol';
import type { JobContext } from './context';
import { type Digits, toUnit } from './mnist';
import { type Agreement, compare, type DenseWeights, referenceForward } from './reference';
import { timeCalls, warmUp } from './timing';

const LAYERS = [784, 256, 128, 10] as const;
const SEED = 42;
/** Pixels of an image. */
export const INPUTS = LAYERS[0];

/** Two operations (multiply, add) for each weight and image; bias and ReLU are not counted. */
export function flopsPerPass(batch: number): number {
  let weights = 0;
  for (let i = 1; i < LAYERS.length; i++) weights += LAYERS[i - 1]! * LAYERS[i]!;
  return 2 * batch * weights;
}

/** The same weights every time: the seed decides them. The caller disposes of the layers with the model. */
export function buildNetwork(tt: TinyTorch) {
  tt.manualSeed(SEED);
  return new tt.Sequential([
    new tt.Dense(LAYERS[0], LAYERS[1]),
    new tt.ReLU(),
    new tt.Dense(LAYERS[1], LAYERS[2]),
    new tt.ReLU(),
    new tt.Dense(LAYERS[2], LAYERS[3]),
  ]);
}

function readWeights(model: ReturnType<typeof buildNetwork>): DenseWeights[] {
  const data = model.parameters().map((parameter) => parameter.data() as Float32Array);
  return LAYERS.slice(1).map((outputs, i) => ({
    inputs: LAYERS[i]!,
    outputs,
    weight: data[2 * i]!,
    bias: data[2 * i + 1]!,
  }));
}

export async function runNetwork(
  tt: TinyTorch,
  digits: Digits,
  options: NetworkOptions,
  context: JobContext,
  onRow: (row: NetworkRow) => unknown,
): Promise<NetworkSummary> {
  const rungs: Rung[] = tt.kernels().filter((rung) => rung.available);
  const flops = flopsPerPass(digits.count);
  const input = toUnit(digits.pixels);

  context.report(0, 'Computing the float64 reference');
  await context.checkpoint();
  const model = buildNetwork(tt);
  const x = new tt.Tensor(input, { shape: [digits.count, LAYERS[0]] });
  try {
    const reference = referenceForward(input, digits.count, readWeights(model));
    const pass = () => tt.noGrad(() => model.forward(x).dispose());

    // Verify and warm up all of them before the first timing: the progress bar then knows what is to come.
    const prepared: { rung: Rung; agreement: Agreement; estimateMs: number }[] = [];
    for (const [index, rung] of rungs.entries()) {
      context.report((0.2 * index) / rungs.length, `Verifying ${rung.name}`);
      await context.checkpoint();
      model.setKernel(rung.name);
      const y = model.forward(x);
      const agreement = compare(y.data(), reference);
      y.dispose();
      prepared.push({ rung, agreement, estimateMs: await warmUp(pass, context) });
    }

    const totalMs = prepared.reduce((sum, { estimateMs }) => sum + estimateMs * options.passes, 0);
    let doneMs = 0;
    for (const { rung, agreement, estimateMs } of prepared) {
      model.setKernel(rung.name);
      const timing = await timeCalls(pass, options.passes, estimateMs, context, (done) => {
        const spent = doneMs + estimateMs * done;
        context.report(
          0.2 + (0.8 * spent) / totalMs,
          `${rung.name}: pass ${done} of ${options.passes}`,
          totalMs - spent,
        );
      });
      doneMs += estimateMs * options.passes;
      // Awaited: the page draws the row now, not while the next rung is timed.
      await onRow({
        rung,
        passes: options.passes,
        totalMs: timing.totalMs,
        msPerPass: timing.totalMs / options.passes,
        medianMs: timing.medianMs,
        bestMs: timing.bestMs,
        gflops: (flops * options.passes) / timing.totalMs / 1e6,
        ...agreement,
      });
    }
    return { flopsPerPass: flops, batch: digits.count };
  } finally {
    x.dispose();
    model.dispose();
  }
}
