// Random numbers for weights, of the variance that keeps signals at their size from layer to layer.

import * as check from './check.js';
import { INITS } from './contract.js';
import type { Runtime } from './runtime.js';
import { type Tensor, tensorHandle } from './tensor.js';

/** `kaiming` goes by the inputs and suits ReLU; `xavier` goes by inputs and outputs and suits linear maps. */
export type Init = (typeof INITS)[number];

export function initialize(runtime: Runtime, weight: Tensor, how: Init): void {
  const code = check.oneOf(how, INITS, 'initialize', 'how');
  runtime.check(runtime.module.initialize(tensorHandle(runtime, weight, 'initialize'), code));
}
