// Switches for the recording of operations.

import { InvalidArgumentError } from './errors.js';
import type { Runtime } from './runtime.js';

/** Runs a block without recording: results need no memory for going back. */
export function noGrad<Result>(runtime: Runtime, block: () => Result): Result {
  const { module } = runtime;
  const before = runtime.recording;
  module.setGradEnabled((runtime.recording = false));
  try {
    const result = block();
    if (result instanceof Promise) throw new InvalidArgumentError('noGrad: the block must be synchronous');
    return result;
  } finally {
    module.setGradEnabled((runtime.recording = before));
  }
}
