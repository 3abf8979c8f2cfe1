// Commands on gradients.

import * as reference from '../../reference/tensor.js';
import * as training from '../../reference/training.js';
import { type Command, type Commands, goBack, setRequiresGrad, some } from './command.js';
import { fail, type Pair } from './machine.js';
import { choose, rarely } from './values.js';

const toggle: Command = (machine, [which, value]) =>
  setRequiresGrad(machine, some(machine, which), value % 3 !== 2);

const backward: Command = (machine, [which, seed, flag, other]) => {
  const pair = some(machine, which, rarely(flag, 16) ? undefined : ({ ref }) => ref.requiresGrad);
  goBack(machine, pair, seed, flag, flag % 8 === 1 ? machine.pick(other) : undefined);
};

const gradient: Command = (machine, [which, kind, seed]) => {
  const { name, real, ref } = some(machine, which, (pair) => pair.ref.leaf !== undefined);
  if (kind % 3 === 0) {
    machine.note(`${machine.next()} = ${name}.grad`);
    const got = real.grad;
    if ((got === undefined) !== (ref.leaf?.grad === undefined)) fail('gradient');
    if (got && ref.leaf?.grad) machine.add(got, ref.leaf.grad);
    return;
  }
  const isFit = (pair: Pair): boolean => rarely(seed, 8) || pair.ref.shape.join() === ref.shape.join();
  const given = kind % 3 === 1 ? some(machine, seed, isFit) : undefined;
  machine.note(`${name}.grad = ${given?.name}`);
  machine.both(
    () => (real.grad = given?.real),
    () => {
      const g = given?.ref;
      if (given?.real === real) throw new reference.Refused('grad: its own gradient');
      if (!g && !ref.requiresGrad) return;
      if (!ref.leaf) throw new reference.Refused('grad: no leaf');
      if (g && (g.dtype !== ref.dtype || g.shape.join() !== ref.shape.join())) {
        throw new reference.Refused('grad: does not fit');
      }
      // Shared, without its history, where it is dense and not the tensor's own memory.
      const isOwn = g && (!g.isDense || reference.mayOverlap(g, ref));
      ref.leaf.grad = g && (isOwn ? reference.make(g.values(), g.shape, g.dtype) : reference.detach(g));
    },
  );
};

const clip: Command = (machine, [which, other, limit]) => {
  const pairs = [which, other].flatMap(
    (n) => machine.pick(n, ({ ref }) => ref.leaf?.grad !== undefined) ?? [],
  );
  const maxNorm = choose([1, 0.5, 100, Infinity], limit);
  const isTame = pairs.every(({ ref }) => ref.leaf?.grad?.values().every((value) => Math.abs(value) < 1e9));
  if (!isTame) return;
  machine.note(`clipGradNorm([${pairs.map(({ name }) => name).join(', ')}], ${maxNorm})`);
  const norm = machine.tt.clipGradNorm(
    pairs.map((pair) => pair.real),
    maxNorm,
  );
  const want = training.clipGradNorm(
    pairs.map((pair) => pair.ref),
    maxNorm,
  );
  if (!(Math.abs(norm - want) <= 1e-5 * want)) fail(`clipGradNorm: ${norm}, not ${want}`);
};

export const gradientCommands: Commands = {
  toggle: { weight: 4, run: toggle },
  backward: { weight: 10, run: backward },
  gradient: { weight: 3, run: gradient },
  clip: { weight: 1, run: clip },
};
