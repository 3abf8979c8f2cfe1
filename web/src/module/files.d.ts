// The .wasm files of the package, written by scripts/build_package.mjs.
import type { BuildName } from '../build_names.js';

export interface FileOfBuild {
  /** What the linker has put into the file as its custom section `build_id`, in hexadecimal digits. */
  readonly id: string;
  /** Its size. */
  readonly bytes: number;
}
/** A build that a partial package lacks has none. */
export const FILES: { readonly [Name in BuildName]?: FileOfBuild };
