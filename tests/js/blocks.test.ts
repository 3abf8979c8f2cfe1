// The blocks of tidy, noGrad and profile: what is not over when they return is refused.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidArgumentError, type Tensor } from 'tinytorch-wasm';
import { build } from './builds.js';
import { otherRealm } from './every_type/values.js';

const tt = await build('scalar');
const realm = await otherRealm();
const live = () => ({ tensors: tt.memory().tensors, bytes: tt.memory().bytes });
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

const unhandled: unknown[] = [];
const hear = (event: unknown) => {
  unhandled.push(event);
  (event as Event).preventDefault?.();
};
beforeAll(() => {
  if (typeof window === 'undefined') process.on('unhandledRejection', hear);
  else window.addEventListener('unhandledrejection', hear);
});
afterAll(() => {
  if (typeof window === 'undefined') process.off('unhandledRejection', hear);
  else window.removeEventListener('unhandledrejection', hear);
});

describe.each(['tidy', 'noGrad'] as const)('%s', (name) => {
  const wrap = tt[name] as (block: () => unknown) => unknown;

  test('an async function or a generator is refused before it runs', async () => {
    const before = live();
    let ran = false;
    const blocks = [
      async () => {
        ran = true;
        const x = tt.Tensor.ones([2]);
        await null;
        return x.add(1);
      },
      function* () {
        ran = true;
        yield tt.Tensor.ones([2]);
      },
      async function* () {
        ran = true;
        await null;
        yield 1;
      },
      realm('async () => 1') as () => unknown,
    ];
    for (const block of blocks) expect(() => wrap(block)).toThrow(InvalidArgumentError);
    await turn();
    expect(ran).toBe(false);
    expect(live()).toEqual(before);
    expect(unhandled).toEqual([]);
  });

  test('a promise, thenable or generator as the result is refused, and nobody hears of its rejection', async () => {
    const before = live();
    const body = async () => {
      await null;
      tt.Tensor.ones([2]).dispose(); // goes on in no scope
      throw new Error('later');
    };
    const results: (() => unknown)[] = [
      () => body(),
      () => Promise.reject(new Error('now')),
      () => Promise.resolve(1),
      () => realm('Promise.reject(new Error("elsewhere"))'),
      () => ({ then: (done: (value: number) => void) => done(1) }),
      () => ({ then: (_: unknown, fail: (error: Error) => void) => fail(new Error('no')) }),
      () => Object.assign(() => 1, { then: () => undefined }),
      () =>
        (function* () {
          yield 1;
        })(),
      () =>
        (async function* () {
          await null;
          yield 1;
        })(),
    ];
    for (const result of results) {
      let x: Tensor | undefined;
      const block = () => {
        x = tt.Tensor.ones([3]);
        return result();
      };
      expect(() => wrap(block), String(result)).toThrow(InvalidArgumentError);
      if (name === 'tidy') expect(x?.isDisposed).toBe(true);
      x?.dispose();
    }
    await turn();
    expect(live()).toEqual(before);
    expect(unhandled).toEqual([]);
  });

  test('afterwards scopes and recording are as before', () => {
    const block = () => {
      throw new Error('mine');
    };
    expect(() => wrap(block)).toThrow('mine');
    expect(() => wrap(async () => {})).toThrow(InvalidArgumentError);
    using x = new tt.Tensor([1], { requiresGrad: true });
    tt.tidy(() => tt.Tensor.ones([1]));
    expect(x.isDisposed).toBe(false);
    using y = x.mul(2);
    expect(y.requiresGrad).toBe(true);
  });

  test('what merely looks like one is a result', () => {
    expect(wrap(() => ({ then: 1 }))).toEqual({ then: 1 });
    expect(wrap(() => [Promise.resolve(1)])).toHaveLength(1);
  });
});

describe('tidy keeps what is in its result', () => {
  test('in maps, sets and objects of another realm', () => {
    const map = realm('new Map()') as Map<string, Tensor>;
    const set = realm('new Set()') as Set<Tensor>;
    const object = realm('({ deep: [{}] })') as { deep: [{ x?: Tensor }] };
    tt.tidy(() => {
      map.set('a', tt.Tensor.ones([1]));
      set.add(tt.Tensor.ones([1]));
      object.deep[0].x = tt.Tensor.ones([1]);
      return [map, set, object];
    });
    const kept = [map.get('a'), ...set, object.deep[0].x];
    for (const each of kept) {
      expect(each?.isDisposed).toBe(false);
      each?.dispose();
    }
  });

  test('in a list that is longer than the stack is deep, and in a ring', () => {
    interface Node {
      next?: Node | undefined;
      x?: Tensor;
    }
    const list = tt.tidy(() => {
      const last: Node = { x: tt.Tensor.ones([1]) };
      let first = last;
      for (let i = 0; i < 200_000; ++i) first = { next: first };
      last.next = first;
      return last;
    });
    expect(list.x?.isDisposed).toBe(false);
    list.x?.dispose();
  });

  test('in what a class adds to a layer', () => {
    class Net extends tt.Dense {
      readonly scale = tt.Tensor.ones([1]);
      readonly more = [new tt.Dense(2, 2)];
    }
    const net = tt.tidy(() => new Net(2, 2));
    expect([net.scale.isDisposed, net.more[0]?.isDisposed]).toEqual([false, false]);
    for (const each of [net.scale, net.more[0], net]) each?.dispose();
  });

  test('a dispose that throws does not keep the others alive', () => {
    const before = live();
    class Stubborn extends tt.Dense {
      override dispose(): void {
        super.dispose();
        throw new Error('stubborn');
      }
    }
    const block = () => {
      tt.Tensor.ones([1]);
      new Stubborn(2, 2);
      tt.Tensor.ones([1]);
      new Stubborn(2, 2);
    };
    expect(() => tt.tidy(block)).toThrow('stubborn');
    expect(live()).toEqual(before);
  });
});

test('profile waits for thenables of every kind, and ends whatever happens', async () => {
  const thenable = { then: (done: (value: number) => void) => done(5) };
  expect((await tt.profile(() => thenable as Promise<number>)).result).toBe(5);
  expect((await tt.profile(() => realm('Promise.resolve(6)') as Promise<number>)).result).toBe(6);
  await expect(tt.profile(() => realm('Promise.reject(7)') as Promise<number>)).rejects.toBe(7);
  expect(() => tt.profile(class {} as never)).toThrow(InvalidArgumentError);
  expect(tt.profile(() => 1).result).toBe(1);
});
