// Every build that this engine can run, loaded once for a test file.

import { load, probe, type TinyTorch, type Variant } from 'tinytorch-wasm';

export function runnableVariants(): Variant[] {
  const features = probe();
  return [
    'scalar' as const,
    ...(features.simd ? (['simd'] as const) : []),
    ...(features.relaxed ? (['relaxed'] as const) : []),
  ];
}

const loaded = new Map<Variant, Promise<TinyTorch>>();

export function build(variant: Variant): Promise<TinyTorch> {
  let tt = loaded.get(variant);
  if (!tt) loaded.set(variant, (tt = load({ variant, threads: 1 })));
  return tt;
}
