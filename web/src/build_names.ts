// The builds, and the names of their files.

import type { Variant } from './types.js';

export type BuildName = Variant | 'simd-mt' | 'relaxed-mt';

export const fileName = (build: BuildName): string => `tinytorch-${build}.wasm`;
