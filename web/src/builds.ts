// The files of each build. All addresses are written out in full, so that bundlers see them and copy the files.

import type { Variant } from './types.js';
import type { ModuleFactory } from './wasm_module.js';

/** The files that every program needs, in the order in which they are started, and those that it may leave out. */
export const NEEDED = ['core', 'operations', 'models'] as const;
export const OPTIONAL = ['training', 'ladder'] as const;

/**
 * A part of the library that `load` can leave out: `training` is losses, optimisers, data loaders, the trainer and
 * `evaluate`; `ladder` is the slower rungs, which only comparisons need.
 */
export type Part = (typeof OPTIONAL)[number];
export type FileOfBuild = (typeof NEEDED)[number] | Part;

interface Build {
  readonly wasm: Record<FileOfBuild, () => URL>;
  readonly glue: () => Promise<Glue>;
  /** With threads: where the glue is, which is the script of the workers, too. */
  readonly script?: () => URL;
}

/** The ES module beside each .wasm. */
interface Glue {
  readonly default: ModuleFactory;
  /** Every file of the build carries it (scripts/split_module.mjs). */
  readonly buildId: string;
}

export type BuildName = Variant | 'simd-mt' | 'relaxed-mt';

/** As scripts/split_module.mjs names them. */
export const fileName = (build: BuildName, file: FileOfBuild): string =>
  `tinytorch-${build}${file === 'core' ? '' : `.${file}`}.wasm`;

/**
 * The glue of a module with threads is the script of its workers, too. Bundlers would rewrite it and lose that, so
 * it is copied like the .wasm and imported from its address.
 */
const importFrom = (url: URL): Promise<Glue> =>
  import(/* @vite-ignore */ /* webpackIgnore: true */ url.href) as Promise<Glue>;

export const BUILDS: Record<BuildName, Build> = {
  scalar: {
    wasm: {
      core: () => new URL('./module/tinytorch-scalar.wasm', import.meta.url),
      operations: () => new URL('./module/tinytorch-scalar.operations.wasm', import.meta.url),
      models: () => new URL('./module/tinytorch-scalar.models.wasm', import.meta.url),
      training: () => new URL('./module/tinytorch-scalar.training.wasm', import.meta.url),
      ladder: () => new URL('./module/tinytorch-scalar.ladder.wasm', import.meta.url),
    },
    glue: () => import('./module/tinytorch-scalar.js'),
  },
  simd: {
    wasm: {
      core: () => new URL('./module/tinytorch-simd.wasm', import.meta.url),
      operations: () => new URL('./module/tinytorch-simd.operations.wasm', import.meta.url),
      models: () => new URL('./module/tinytorch-simd.models.wasm', import.meta.url),
      training: () => new URL('./module/tinytorch-simd.training.wasm', import.meta.url),
      ladder: () => new URL('./module/tinytorch-simd.ladder.wasm', import.meta.url),
    },
    glue: () => import('./module/tinytorch-simd.js'),
  },
  relaxed: {
    wasm: {
      core: () => new URL('./module/tinytorch-relaxed.wasm', import.meta.url),
      operations: () => new URL('./module/tinytorch-relaxed.operations.wasm', import.meta.url),
      models: () => new URL('./module/tinytorch-relaxed.models.wasm', import.meta.url),
      training: () => new URL('./module/tinytorch-relaxed.training.wasm', import.meta.url),
      ladder: () => new URL('./module/tinytorch-relaxed.ladder.wasm', import.meta.url),
    },
    glue: () => import('./module/tinytorch-relaxed.js'),
  },
  'simd-mt': {
    wasm: {
      core: () => new URL('./module/tinytorch-simd-mt.wasm', import.meta.url),
      operations: () => new URL('./module/tinytorch-simd-mt.operations.wasm', import.meta.url),
      models: () => new URL('./module/tinytorch-simd-mt.models.wasm', import.meta.url),
      training: () => new URL('./module/tinytorch-simd-mt.training.wasm', import.meta.url),
      ladder: () => new URL('./module/tinytorch-simd-mt.ladder.wasm', import.meta.url),
    },
    glue: () => importFrom(new URL('./module/tinytorch-simd-mt.js', import.meta.url)),
    script: () => new URL('./module/tinytorch-simd-mt.js', import.meta.url),
  },
  'relaxed-mt': {
    wasm: {
      core: () => new URL('./module/tinytorch-relaxed-mt.wasm', import.meta.url),
      operations: () => new URL('./module/tinytorch-relaxed-mt.operations.wasm', import.meta.url),
      models: () => new URL('./module/tinytorch-relaxed-mt.models.wasm', import.meta.url),
      training: () => new URL('./module/tinytorch-relaxed-mt.training.wasm', import.meta.url),
      ladder: () => new URL('./module/tinytorch-relaxed-mt.ladder.wasm', import.meta.url),
    },
    glue: () => importFrom(new URL('./module/tinytorch-relaxed-mt.js', import.meta.url)),
    script: () => new URL('./module/tinytorch-relaxed-mt.js', import.meta.url),
  },
};
