// How a call is timed: see docs/benchmarks.md, "Method".

const now = () => performance.now();

/** Runs `calls` calls and returns the milliseconds they took. */
async function region(run, calls, isAsync) {
  const start = now();
  if (isAsync) {
    for (let i = 0; i < calls; ++i) await run();
  } else {
    for (let i = 0; i < calls; ++i) run();
  }
  return now() - start;
}

/**
 * Calls per timed region, so that a region takes at least `minMs`. Short ones must take it twice: the first call after a
 * rest may be slow because a library's threads wake up.
 */
async function calibrate(run, isAsync, minMs) {
  for (let calls = 1; ; calls *= 2) {
    const first = await region(run, calls, isAsync);
    if (first < minMs) continue;
    const ms = first > 10 * minMs ? first : await region(run, calls, isAsync);
    if (ms >= minMs / 2) return Math.max(1, Math.ceil((calls * minMs) / ms));
  }
}

/**
 * Warms up for at least `minMs` and until a 300 ms window is no longer faster than the best before it
 * (V8 compiles hot functions late), at most `maxMs`. A call of over a second is warmed up once.
 */
async function warmUp(run, isAsync, { minMs = 1500, maxMs = 6000, windowMs = 300, regionMs = 2 }) {
  const begin = now();
  let best = Infinity;
  for (;;) {
    const calls = await calibrate(run, isAsync, regionMs);
    const perCall = (await sample(run, isAsync, calls, windowMs)).reduce((a, b) => Math.min(a, b));
    const elapsed = now() - begin;
    if (perCall > 1000 || elapsed > maxMs) return;
    if (elapsed >= minMs && perCall > best * 0.98) return;
    best = Math.min(best, perCall);
  }
}

/** Milliseconds per call of as many timed regions as fit into `windowMs`, one at least. */
async function sample(run, isAsync, calls, windowMs) {
  const samples = [];
  const begin = now();
  do {
    samples.push((await region(run, calls, isAsync)) / calls);
  } while (now() - begin < windowMs);
  return samples;
}

/** A call made ready to be measured in windows. */
export async function timer(run, options = {}) {
  const { regionMs = 2 } = options;
  const first = run();
  const isAsync = first instanceof Promise;
  await first;
  await warmUp(run, isAsync, options);
  let calls = 0;
  return {
    isAsync,
    async window(ms) {
      // Re-calibrated each time: a call may have become faster, and another page has just had the caches.
      calls = await calibrate(run, isAsync, regionMs);
      const samples = await sample(run, isAsync, calls, ms);
      return { calls, samples };
    },
  };
}
