// Where the time goes: timers in layers and kernels, read out after a block has run.

import { isThenable } from './block.js';
import { callable } from './check.js';
import type { Runtime } from './runtime.js';

/** All scopes of one name together: a layer or a kernel. */
export interface ProfileRow {
  readonly name: string;
  readonly calls: number;
  /** Time inside, inner scopes included, in milliseconds. */
  readonly totalMs: number;
  /** The same without inner scopes. */
  readonly selfMs: number;
  readonly msPerCall: number;
  /** `selfMs` as a part of the whole profile, 0 to 1. */
  readonly share: number;
  /** Floating-point operations; a multiply-add is two. */
  readonly flops: number;
  /** `flops` a second of `totalMs`, in thousand millions. */
  readonly gflops: number;
}

export interface ProfileReport<Result> {
  /** By self time, largest first; `console.table(report.rows)` shows them. */
  readonly rows: readonly ProfileRow[];
  /** The whole block, in milliseconds. */
  readonly wallMs: number;
  /** What the block returned; a tensor in it is the caller's to dispose of. */
  readonly result: Result;
}

/** Runs the block, synchronous or not, and reports. One profile at a time. */
export function profile<Result>(
  runtime: Runtime,
  block: () => Result | PromiseLike<Result>,
): ProfileReport<Result> | Promise<ProfileReport<Result>> {
  callable(block, 'profile', 'the block');
  runtime.module.roomForSeveral();
  runtime.check(runtime.module.startProfile());
  let isRunning = true;
  const stop = (): Omit<ProfileReport<Result>, 'result'> => {
    isRunning = false;
    return readReport(runtime);
  };
  const stopAndThrow = (error: unknown): never => {
    if (isRunning) stop();
    throw error;
  };
  try {
    const result = block();
    if (!isThenable(result, 'profile')) return { ...stop(), result };
    return Promise.resolve(result).then((value) => ({ ...stop(), result: value }), stopAndThrow);
  } catch (error) {
    return stopAndThrow(error);
  }
}

function readReport(runtime: Runtime): Omit<ProfileReport<unknown>, 'result'> {
  const { module } = runtime;
  runtime.check(module.stopProfile());
  const { count, wallMs } = runtime.received('profile');
  const rows = Array.from({ length: count }, (_, index): ProfileRow => {
    const name = module.profileRow(index);
    const { calls, totalMs, selfMs, share, flops } = runtime.received('profileRow');
    const gflops = totalMs > 0 ? (flops / totalMs) * 1e-6 : 0;
    return { name, calls, totalMs, selfMs, msPerCall: totalMs / calls, share, flops, gflops };
  });
  return { rows, wallMs };
}
