// Timing as docs/benchmarks.md asks: warm up first, then groups of calls that the clock can resolve.
import type { JobContext } from './context';

export interface Timing {
  /** Sum of all timed calls. */
  totalMs: number;
  medianMs: number;
  bestMs: number;
  calls: number;
}

/** performance.now() ticks in 5 us on isolated pages and in 100 us otherwise: one group lasts far longer. */
const GROUP_MS = 4;
/** Every report makes the page draw, which on few processors takes time from what is being measured. */
const REPORT_EVERY_MS = 100;

/** The smallest step of the clock that was seen, in microseconds. */
export function clockStepUs(): number {
  let step = Infinity;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    step = Math.min(step, now - start);
  }
  return step * 1000;
}

function median(sorted: number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function groupMs(call: () => void, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) call();
  return performance.now() - start;
}

/**
 * Calls until the machine code has settled and returns the time of one call. Engines compile hot wasm
 * functions a second time while they run: the first calls can be several times slower than the rest.
 */
export async function warmUp(
  call: () => void,
  context: JobContext,
  minMs = 150,
  maxMs = 900,
): Promise<number> {
  const begin = performance.now();
  let calls = 1;
  let previous = Infinity;
  for (;;) {
    await context.checkpoint();
    const perCall = groupMs(call, calls) / calls;
    const spent = performance.now() - begin;
    const settled = perCall > previous * 0.95;
    if ((spent >= minMs && settled) || spent >= maxMs) return Math.min(perCall, previous);
    previous = Math.min(perCall, previous);
    calls = Math.max(1, Math.min(4096, Math.ceil(minMs / 4 / Math.max(perCall, 1e-4))));
  }
}

/**
 * Exactly `calls` timed calls, after a rest in which the page draws, and a group that is not counted: the rest has put
 * the threads to sleep. `onProgress` hears now and then how many are done.
 */
export async function timeCalls(
  call: () => void,
  calls: number,
  estimateMs: number,
  context: JobContext,
  onProgress: (done: number) => void = () => {},
): Promise<Timing> {
  const perGroup = Math.max(1, Math.min(calls, Math.ceil(GROUP_MS / Math.max(estimateMs, 1e-4))));
  const perCall: number[] = [];
  let totalMs = 0;
  await context.rest();
  if (perGroup > 1) groupMs(call, perGroup);
  let reportAt = performance.now() + REPORT_EVERY_MS;
  for (let done = 0; done < calls;) {
    await context.checkpoint();
    const now = Math.min(perGroup, calls - done);
    const ms = groupMs(call, now);
    totalMs += ms;
    perCall.push(ms / now);
    done += now;
    if (performance.now() < reportAt) continue;
    onProgress(done);
    reportAt = performance.now() + REPORT_EVERY_MS;
  }
  perCall.sort((a, b) => a - b);
  return { totalMs, medianMs: median(perCall), bestMs: perCall[0]!, calls };
}
