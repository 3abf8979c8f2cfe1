// The library's own profile of the forward pass, with one rung.
import type { TinyTorch } from 'tinytorch-wasm';
import type { ProfileOptions, ProfileResult } from '../engine/protocol';
import type { JobContext } from './context';
import { type Digits, toUnit } from './mnist';
import { buildNetwork } from './network';
import { warmUp } from './timing';

/** Profiles of `naive` and of what the policy picks by itself: the network before, and as it ships. */
export async function runProfiles(
  tt: TinyTorch,
  digits: Digits,
  { passes }: ProfileOptions,
  context: JobContext,
  onResult: (result: ProfileResult) => unknown,
): Promise<void> {
  const model = buildNetwork(tt);
  const x = new tt.Tensor(toUnit(digits.pixels), { shape: [digits.count, 784] });
  const subjects = [
    { kernel: 'naive', title: 'Before: every product with naive' },
    { kernel: 'auto', title: 'After: as the library ships' },
  ];
  try {
    for (const [index, { kernel, title }] of subjects.entries()) {
      context.report(index / subjects.length, `Profiling ${kernel}`);
      await context.checkpoint();
      model.setKernel(kernel);
      const pass = () => tt.noGrad(() => model.forward(x).dispose());
      await warmUp(pass, context);
      const report = tt.profile(() => {
        for (let i = 0; i < passes; i++) pass();
      });
      await onResult({
        kernel,
        title,
        passes,
        wallMs: report.wallMs,
        rows: report.rows.map(({ name, calls, totalMs, selfMs, share, gflops }) => ({
          name,
          calls,
          totalMs,
          selfMs,
          share,
          gflops,
        })),
      });
    }
  } finally {
    x.dispose();
    model.dispose();
  }
}
