// The modules of the entry `tinytorch-wasm/embedded`, written by scripts/build_package.mjs: compressed by gzip, in base64.
import type { BuildName } from '../build_names.js';

export const EMBEDDED: { readonly [Name in BuildName]?: string };
