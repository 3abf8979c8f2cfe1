// The builds that are tested, each loaded once for a test file. What an engine runs is written down here, not asked of
// the package: a build that it wrongly took for impossible would not be tested.

import { load, type TinyTorch, type Variant } from 'tinytorch-wasm';

/** Whether threads can be had: everywhere but in a page that is not cross-origin isolated. */
export const isolated = typeof crossOriginIsolated === 'undefined' || crossOriginIsolated;

/** Node has relaxed SIMD since 22; the tests' Chromium has it. */
const relaxed = typeof process === 'undefined' || parseInt(process.versions.node) >= 22;

/** All variants that this engine runs, the fastest last. */
export function runnableVariants(): Variant[] {
  return relaxed ? ['scalar', 'simd', 'relaxed'] : ['scalar', 'simd'];
}

/**
 * `default` is what `load()` gives without options, a thread for each core, which is what users get; `simd-mt` has three
 * threads, however many cores there are. The others have one.
 */
export type Build = 'default' | 'simd-mt' | Variant;

/** What a test is repeated for: the default first. */
export function builds(): Build[] {
  return ['default', ...(isolated ? (['simd-mt'] as const) : []), ...runnableVariants()];
}

const loaded = new Map<Build, Promise<TinyTorch>>();

export function build(name: Build): Promise<TinyTorch> {
  let tt = loaded.get(name);
  if (!tt) {
    tt =
      name === 'default'
        ? load()
        : name === 'simd-mt'
          ? load({ variant: 'simd', threads: 3 })
          : load({ variant: name, threads: 1 });
    loaded.set(name, tt);
  }
  return tt;
}
