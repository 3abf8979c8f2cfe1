// Uses that must be refused with an error of the package, after which everything is as before.

import { type Command, type Commands, some } from './command.js';
import { fail } from './machine.js';
import { choose } from './values.js';

const useDisposed: Command = (machine, [which, kind, other]) => {
  const buried = machine.buried[which % machine.buried.length];
  if (!buried) return;
  const { real: dead, name } = buried;
  const { real, name: otherName } = some(machine, other);
  const { tt } = machine;
  const uses: (() => unknown)[] = [
    () => dead.add(1),
    () => real.add(dead),
    () => dead.data(),
    () => dead.fill(1),
    () => real.copyFrom(dead),
    () => dead.shape,
    () => real.add(real, { out: dead }),
    () => dead.matmul(real),
    () => tt.matmul(real, dead),
    () => dead.backward(),
    () => dead.grad,
    () => (dead.requiresGrad = true),
    () => dead.sum(),
    () => dead.reshape([-1]),
    () => real.backward({ gradient: dead }),
    () => (real.grad = dead),
    () => dead.detach(),
    () => tt.maxAbsDiff(real, dead),
    () => tt.clipGradNorm([real, dead], 1),
    () => tt.writeSafetensors([['x', dead]]),
    () => new tt.SGD([dead], { lr: 1 }),
    () => new tt.MSELoss().forward(dead, real),
  ];
  const use = choose(uses, kind);
  machine.note(`${shown(use)}  // must be refused: ${name} was disposed of, the other is ${otherName}`);
  try {
    use();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'disposed') fail(`a disposed tensor: ${String(error)}`);
    return;
  }
  fail('a disposed tensor was used');
};

const wrong: Command = (machine, [which, other, kind]) => {
  const { tt } = machine;
  const { name, real, ref } = some(machine, which);
  const { name: otherName, real: b } = some(machine, other);
  const { shape, size, dtype } = ref;
  const ndim = shape.length;
  const unlike = dtype === 'float32' ? 'float64' : 'float32';
  const uses: (() => unknown)[] = [
    () => real.reshape([size + 1]),
    () => real.reshape([-1, -1]),
    () => real.transpose(ndim, 0),
    () => real.slice(-ndim - 1, 0, 1),
    () => real.slice(0, 0, 1, 0),
    () => (ndim ? real.expand(shape.slice(1)) : real.transpose()),
    () => real.add(b.to(unlike)),
    () => real.to('int32').exp(),
    () => real.to('uint8').matmul(b),
    () => real.sum({ dim: ndim + 1 }),
    () => real.softmax(ndim + 3),
    () => real.copyFrom(new Float32Array(size + 1)),
    () => real.to('float16' as never),
    () => tt.Tensor.zeros([-1]),
    () => tt.Tensor.full([2, 2 ** 40], 1),
    () => tt.Tensor.arange(0, 4, 0),
    () => new tt.Tensor([[1, 2], [3]]),
    () => new tt.Tensor([1.5], { dtype: 'int32' }),
    () => real.to('uint8').fill(256),
    () => real.to('int32').fill(0.5),
    () => real.add(real, { out: real.reshape([...shape, 1]) }),
    () => tt.matmul(real, b, { kernel: 'fastest' }),
    () => (real.to('int32').requiresGrad = true),
    () => real.add(null as never),
    () => new tt.SGD([real.to('int32')], { lr: 0.1 }),
    () => new tt.SGD([real, real], { lr: 0.1 }),
    () => new tt.Dense(2, -1),
    () => new tt.Sequential([real as never]),
    () => (real.grad = real),
  ];
  const use = choose(uses, kind);
  machine.note(`${shown(use)}  // must be refused: real is ${name}, b is ${otherName}`);
  let error: unknown;
  tt.tidy(() => {
    try {
      use();
    } catch (thrown) {
      error = thrown;
    }
  });
  if (error === undefined) fail('a wrong use was accepted');
  machine.requireTyped(error);
};

/** The code of a use, without the arrow. */
function shown(use: () => unknown): string {
  return String(use)
    .replace(/^\(\)\s*=>\s*/, '')
    .replace(/\s+/g, ' ');
}

export const mistakes: Commands = {
  useDisposed: { weight: 1, run: useDisposed },
  wrong: { weight: 2, run: wrong },
};
