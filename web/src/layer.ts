// What a layer is for those that run, list or describe one; the class is in nn.ts.

import { nativeHandle, type Resource } from './resource.js';
import type { Runtime } from './runtime.js';
import type { OutOption, Tensor } from './tensor.js';
import type { Handle } from './wasm_module.js';

export interface Layer extends Resource {
  forward(x: Tensor, options?: OutOption): Tensor;
  train(training?: boolean): this;
  namedParameters(): ReadonlyMap<string, Tensor>;
  parameters(): Tensor[];
  /** Whether its forward pass is the module's alone: no `forward` of one's own, here or inside. */
  readonly runsInModule: boolean;
  /** Whether its forward pass is that of its layers, one after the other. */
  readonly runsLayers: boolean;
  /** Whether the module knows all of its parameters. */
  readonly isListedByModule: boolean;
  /** Whether it is in training mode. */
  readonly isTraining: boolean;
  /** Whether it passes its mode on by a `train` of its own. */
  readonly hasOwnTrain: boolean;
  /** The layers inside, which stay alive with it. */
  readonly owned: readonly Layer[];
}

/** The handle of a live layer of this runtime, for a call that `where` names; throws for anything else. */
export function layerHandle(runtime: Runtime, value: unknown, where: string): Handle {
  return nativeHandle(runtime, value, 'layer', where);
}
