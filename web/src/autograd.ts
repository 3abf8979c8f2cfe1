// Switches for the recording of operations.

import { runSynchronously } from './block.js';
import type { Runtime } from './runtime.js';

/** Runs a block without recording: results need no memory for going back. */
export function noGrad<Result>(runtime: Runtime, block: () => Result): Result {
  const { module } = runtime;
  module.roomForSeveral();
  const before = runtime.recording;
  module.setGradEnabled((runtime.recording = false));
  try {
    return runSynchronously(block, 'noGrad');
  } finally {
    module.setGradEnabled((runtime.recording = before));
  }
}
