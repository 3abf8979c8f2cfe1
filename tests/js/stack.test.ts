// A stack that overflows: JavaScript's, in the middle of calls, and modules that are nested too deep. Later calls are right.

import { beforeAll, describe, expect, test } from 'vitest';
import {
  InvalidArgumentError,
  load,
  type Module,
  ShapeError,
  type Tensor,
  type TinyTorch,
} from 'tinytorch-wasm';
import { PAGE_LIMIT } from '../limits.js';
import { build, isolated, runnableVariants } from './builds.js';

const { gc } = globalThis as { gc?: () => void };

/** Pushes that much on the stack before `block` runs: overflows come at another place each time. */
function deeper(levels: number, block: () => void): void {
  if (levels === 0) block();
  else deeper(levels - 1, block);
}

/**
 * Recurses until the stack is full, and then as often as `rounds` says with `call` at each level of the last tenth: at
 * the levels before, calls would only take time. After each round runs `after`. Gives how often `call` has returned.
 */
function overflow(rounds: number, call: (depth: number) => void, after: () => void): number {
  let deepest = Infinity;
  let calls = 0;
  for (let round = 0; round <= rounds; ++round) {
    const first = 0.9 * deepest;
    deepest = 0;
    const recurse = (depth: number): void => {
      deepest = depth;
      if (depth > first) {
        call(depth);
        ++calls;
      }
      recurse(depth + 1);
    };
    expect(thrownBy(() => deeper(round, () => recurse(1)))).toBeInstanceOf(RangeError);
    after();
  }
  return calls;
}

/**
 * Recurses until the stack is full, and tries `call` at each level on the way back until it returns. Gives how often it
 * failed for lack of stack. Throws what else it throws.
 */
function firstOnTheWayBack(call: () => unknown): number {
  let failures = 0;
  let isOver = false;
  let other: { error: unknown } | undefined;
  const recurse = (): void => {
    try {
      recurse();
    } catch {
      // The stack is full.
    }
    if (isOver) return;
    try {
      call();
      isOver = true;
    } catch (error) {
      ++failures;
      // An argument that cannot be read for lack of stack is refused as one that cannot be read.
      if (error instanceof RangeError || error instanceof InvalidArgumentError) return;
      isOver = true;
      other = { error };
    }
  };
  recurse();
  if (other) throw other.error;
  return failures;
}

// Errors are made by the thousand here: most of their time is the text of the stack.
beforeAll(() => {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  return () => (Error.stackTraceLimit = before);
});

/** What a call throws. No `expect` within a recursion: it takes a thousand times as long as the call. */
function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

// The others differ from these in a few kernels.
describe.each(['default', 'scalar', 'simd'] as const)('%s', async (name) => {
  const tt = await build(name);
  const layer = new tt.ReLU();
  // A tensor is lost, and found by the garbage collector, where its dispose() has no stack left.
  const alive = () => {
    gc?.();
    return { tensors: tt.memory().tensors, bytes: tt.memory().bytes };
  };
  const wait = { message: 'what is alive', timeout: PAGE_LIMIT, interval: 20 };
  const work: Record<string, (x: Tensor) => Tensor> = {
    product: (x) => x.matmul(x),
    softmax: (x) => x.softmax(0),
    copy: (x) => x.add(1),
    text: (x) => (layer.name, x.sum()),
    error: (x) => {
      const error = thrownBy(() => x.reshape([7, 7]).dispose());
      if (error instanceof RangeError) throw error; // the stack is full
      return x.mean({ dim: 0 });
    },
  };

  // The first of all tests: engines compile what a call needs of JavaScript, a clock for instance, when it is first used,
  // and need stack for that.
  test('calls that come first where the stack is almost full', () => {
    using x = tt.Tensor.ones([200, 200]);
    const held: Tensor[] = [];
    const calls: Record<string, () => unknown> = {
      profile: () => tt.profile(() => 1), // asks the clock
      tuning: () => x.matmul(x).dispose(),
      growth: () => held.push(tt.Tensor.zeros([10_000_000])), // more memory than the module has at first
      text: () => layer.name,
      error: () => thrownBy(() => x.reshape([7, 7]).dispose()),
    };
    for (const [name, call] of Object.entries(calls)) {
      for (let times = 0; times < 4; ++times) {
        expect(firstOnTheWayBack(call), name).toBeGreaterThan(0);
        using sum = x.sum();
        expect(sum.item(), name).toBe(40_000);
        if (name === 'growth') break;
      }
    }
    for (const each of held) each.dispose();
  });

  test('what takes several calls is done whole or not at all', async () => {
    const model = new tt.Sequential([new tt.Dense(3, 3), new tt.ReLU()]);
    const x = tt.Tensor.ones([2, 3]);
    const weight = model.parameters()[0] as Tensor;
    const file = tt.saveModel(model);
    const made: { dispose(): void }[] = [];
    const calls: Record<string, () => unknown> = {
      dispose: () => made.pop()?.dispose(),
      noGrad: () => tt.noGrad(() => x.matmul(weight).dispose()),
      tidy: () => tt.tidy(() => [x.add(1), x.matmul(weight)].length),
      profile: () => tt.profile(() => x.add(1).dispose()),
      saveModel: () => tt.saveModel(model),
      loadModel: () => tt.loadModel(model, file),
      readSafetensors: () => {
        for (const tensor of tt.readSafetensors(file).tensors.values()) tensor.dispose();
      },
      parameters: () => model.namedParameters(),
      summary: () => model.summary([2, 3]),
    };
    for (const [name, call] of Object.entries(calls)) {
      for (let times = 0; times < 2; ++times) {
        if (name === 'dispose')
          made.push(times % 2 === 0 ? tt.Tensor.ones([10_000]) : new tt.Dense(100, 100));
        expect(firstOnTheWayBack(call), name).toBeGreaterThan(0);
        call();
        using recorded = x.matmul(weight);
        expect(recorded.requiresGrad, name).toBe(true);
      }
    }
    for (const each of [model, x]) each.dispose();
    await expect.poll(alive, wait).toEqual({ tensors: 0, bytes: 0 });
  });

  test.each(Object.keys(work))(
    'JavaScript that recurses over calls until the stack is full: %s',
    async (kind) => {
      const call = work[kind] as (x: Tensor) => Tensor;
      tt.manualSeed(1);
      using x = tt.Tensor.randn([12, 12]);
      using before = call(x);
      const expected = before.data();
      const live = alive();
      const calls = overflow(
        8,
        () => call(x).dispose(),
        () => {
          using after = call(x);
          expect(after.data()).toEqual(expected);
        },
      );
      expect(calls).toBeGreaterThan(1000);
      await expect.poll(alive, wait).toEqual(live);
      using large = tt.Tensor.ones([150, 150]);
      using product = large.matmul(large);
      expect(product.data()).toEqual(new Float32Array(22_500).fill(150));
    },
  );

  test('that catches at every depth and goes on', async () => {
    using x = tt.Tensor.ones([12, 12]);
    const live = alive();
    for (let round = 0; round < 8; ++round) {
      let products = 0;
      const recurse = (): void => {
        try {
          x.matmul(x).dispose();
          ++products;
          recurse();
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
        // On the way back there is a little more room at each level: calls fail, and then do not.
        if (products < 100_000) {
          try {
            x.matmul(x).dispose();
            ++products;
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
          }
        }
      };
      deeper(round, recurse);
      expect(products).toBeGreaterThan(100);
      using after = x.matmul(x);
      expect(after.data()).toEqual(new Float32Array(144).fill(12));
    }
    await expect.poll(alive, wait).toEqual(live);
  });

  test('with large products, whose parts others compute', () => {
    using x = tt.Tensor.ones([200, 200]);
    const calls = overflow(
      4,
      (depth) => depth % 50 === 0 && x.matmul(x).dispose(),
      () => {
        using after = x.matmul(x);
        expect(after.data()).toEqual(new Float32Array(40_000).fill(200));
      },
    );
    expect(calls).toBeGreaterThan(100);
  });

  test('modules nested up to the limit run, and one more is an error', () => {
    const before = tt.memory();
    let model: Module = new tt.Dense(3, 3);
    for (let depth = 2; depth <= 100; ++depth) model = new tt.Sequential([model]);
    expect(() => new tt.Sequential([model])).toThrow(InvalidArgumentError);
    expect(() => new tt.Sequential([model])).toThrow('at most 100 modules may be nested, these are 101');
    using x = tt.Tensor.ones([2, 3]);
    using y = model.forward(x);
    expect(y.shape).toEqual([2, 3]);
    using loss = y.sum();
    loss.backward();
    expect(model.parameters()[0]?.grad?.shape).toEqual([3, 3]);
    expect(model.eval().train().summary([2, 3]).total.parameters).toBe(12);
    expect(tt.saveModel(model).length).toBeGreaterThan(0);
    model.dispose();
    expect(tt.memory().bytes - before.bytes).toBeLessThan(1000);
  });
});

describe.each(runnableVariants())('%s: the stack pointer of C++ is where it was', (variant) => {
  test.each([1, ...(isolated && variant !== 'scalar' ? [2] : [])])('%i threads', async (threads) => {
    const { tt, top } = await loadWithStack(() => load({ variant, threads }));
    expect(tt.threads).toBe(threads);
    const initial = top();
    expect(initial).toBeGreaterThan(STACK_BYTES - 1024);
    using x = tt.Tensor.ones([12, 12]);
    for (let round = 0; round < 3; ++round) {
      let caught = 0;
      const recurse = (): void => {
        try {
          x.matmul(x).dispose();
          recurse();
        } catch (error) {
          ++caught;
          throw error;
        }
      };
      expect(thrownBy(() => deeper(round, recurse))).toBeInstanceOf(RangeError);
      expect(caught).toBeGreaterThan(100);
      expect(top()).toEqual(initial);
    }

    let model: Module = new tt.Flatten();
    let refused = 0;
    for (let depth = 2; depth <= 20_000; ++depth) {
      const error = thrownBy(() => (model = new tt.Sequential([model])));
      if (error === undefined) continue;
      ++refused;
      if (!(error instanceof InvalidArgumentError)) throw error;
    }
    expect(refused).toBe(20_000 - 100);
    model.forward(x).dispose();
    model.dispose();
    expect(top()).toEqual(initial);

    for (let i = 0; i < 1000; ++i) {
      const error = thrownBy(() => x.reshape([7, 7]).dispose());
      if (!(error instanceof ShapeError)) throw error;
    }
    expect(top()).toEqual(initial);
    tt.terminate();
  });
});

/** The C++ stack's bytes: it is below everything else in a module's memory (cpp/bindings/CMakeLists.txt). */
const STACK_BYTES = 2 ** 20;

/**
 * A module whose stack can be looked at: `top()` gives the highest address that a call writes to, which is where the stack
 * begins for it.
 */
async function loadWithStack(start: () => Promise<TinyTorch>) {
  const { Memory } = WebAssembly;
  const memories: WebAssembly.Memory[] = [];
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
  try {
    const tt = await start();
    const memory = memories.at(-1) as WebAssembly.Memory; // the others were refused, or asked for threads in vain
    const top = () => {
      const mark = 0xa5;
      new Uint8Array(memory.buffer, 0, STACK_BYTES).fill(mark);
      tt.Tensor.ones([12, 12]).sum({ dim: 0 }).data();
      const stack = new Uint8Array(memory.buffer, 0, STACK_BYTES);
      let at = STACK_BYTES - 1;
      while (at >= 0 && stack[at] === mark) --at;
      return at;
    };
    return { tt, top };
  } finally {
    WebAssembly.Memory = Memory;
  }
}
