// Which build is loaded, and the sentence that says why.

import { show } from './check.js';
import { LoadError } from './errors.js';
import type { Features } from './probe.js';
import type { Variant } from './types.js';

export const VARIANTS: readonly Variant[] = ['scalar', 'simd', 'relaxed'];

const NEEDS: Record<Variant, keyof Features> = { scalar: 'base', simd: 'simd', relaxed: 'relaxed' };
const NEED_NAME: Record<Variant, string> = {
  scalar: 'WebAssembly with exceptions',
  simd: '128-bit SIMD',
  relaxed: 'relaxed SIMD',
};

export interface Choice {
  readonly variant: Variant;
  readonly reason: string;
}

/** The build that was asked for, or the fastest that this engine runs. Throws `LoadError` where it runs none. */
export function chooseVariant(asked: Variant | 'auto', features: Features): Choice {
  if (!features.base)
    throw new LoadError('load: this engine lacks WebAssembly with exceptions (any since 2022 has it)');
  if (asked === 'auto') {
    if (features.relaxed) return { variant: 'relaxed', reason: 'this engine has relaxed SIMD' };
    if (features.simd)
      return { variant: 'simd', reason: 'this engine has 128-bit SIMD, but not relaxed SIMD' };
    return { variant: 'scalar', reason: 'this engine has no SIMD' };
  }
  if (!VARIANTS.includes(asked)) {
    throw new LoadError(`load: no variant ${show(asked)}; there are auto, ${VARIANTS.join(', ')}`);
  }
  if (!features[NEEDS[asked]]) {
    throw new LoadError(
      `load: the ${asked} build needs ${NEED_NAME[asked]}, which this engine does not have`,
    );
  }
  return { variant: asked, reason: 'it was asked for' };
}
