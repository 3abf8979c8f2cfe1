// What frameworks make of objects: reactive proxies, copies, frozen ones. A tensor works or refuses at once with a text
// that says what to do; it is never freed twice, and never by the collector while somebody uses it.

import { observable, reaction, runInAction } from 'mobx';
import { computed, isReactive, markRaw, reactive, ref, shallowRef } from 'vue';
import { describe, expect, test } from 'vitest';
import { InvalidArgumentError, type Tensor } from 'tinytorch-wasm';
import { build } from './builds.js';
import { surfaceOf } from './every_type/surface.js';

const tt = await build('scalar');
const live = () => ({ tensors: tt.memory().tensors, bytes: tt.memory().bytes });

const features = tt.Tensor.ones([2, 3]);
const labels = new tt.Tensor([0, 1], { dtype: 'int32' });
const weight = new tt.Tensor([1], { requiresGrad: true });

const makers: Record<string, () => object & Disposable> = {
  Tensor: () => tt.Tensor.ones([2, 3]),
  Dense: () => new tt.Dense(3, 2),
  Sequential: () => new tt.Sequential([new tt.Dense(3, 2)]),
  Adam: () => new tt.Adam([weight]),
  DataLoader: () => new tt.DataLoader({ features, labels }),
};

const wrappers: Record<string, (object: object) => object> = {
  'a proxy': (object) => new Proxy(object, {}),
  'a proxy of a proxy': (object) => new Proxy(new Proxy(object, {}), {}),
  'Object.create': (object) => Object.create(object) as object,
  'a copy of its properties': (object) =>
    Object.defineProperties(
      Object.create(Object.getPrototypeOf(object) as object) as object,
      Object.getOwnPropertyDescriptors(object),
    ),
};

/** What asks the JavaScript object only, and may answer: no memory of the module is touched. */
const HARMLESS =
  /toStringTag|nodejs\.util\.inspect|#(inFeatures|outFeatures|layers|owned|runsInModule|isListedByModule|hasOwnTrain|runsLayers)\b/;

describe.each(Object.keys(makers))('%s', (name) => {
  const members = surfaceOf(tt).filter(({ receiver }) => receiver === name);

  test.each(Object.entries(wrappers))(
    '%s is refused by every method, and the original lives on',
    (_, wrap) => {
      const before = live();
      tt.tidy(() => {
        const original = (makers[name] as () => object & Disposable)();
        const wrapped = wrap(original);
        for (const { name: member, call } of members) {
          if (HARMLESS.test(member)) continue;
          let thrown: unknown;
          try {
            const result = call(wrapped, []);
            if (member.endsWith('#Symbol(Symbol.iterator)')) for (const _ of result as Iterable<unknown>);
            else if (result instanceof Promise) result.catch(() => undefined);
          } catch (error) {
            thrown = error;
          }
          const isAsync = member.endsWith('#fit');
          if (!isAsync) expect(thrown, member).toBeInstanceOf(InvalidArgumentError);
        }
        if (name === 'Tensor') {
          const x = wrapped as Tensor;
          expect(() => x.add(1)).toThrow(/proxy or copy.*markRaw.*observable\.ref/);
          expect(() => tt.Tensor.ones([2, 3]).add(x)).toThrow(/proxy or copy/);
          expect(() => tt.tidy(() => x)).toThrow(/proxy or copy/);
          expect((original as Tensor).add(1).toArray()).toEqual([
            [2, 2, 2],
            [2, 2, 2],
          ]);
        }
        expect((original as { isDisposed?: boolean }).isDisposed).toBe(false);
      });
      expect(live()).toEqual(before);
    },
  );

  test('a frozen one works, and is freed once', () => {
    const before = live();
    tt.tidy(() => {
      const frozen = Object.freeze((makers[name] as () => object & Disposable)()) as Tensor;
      frozen.dispose();
      frozen.dispose();
      expect(frozen.isDisposed).toBe(true);
    });
    expect(live()).toEqual(before);
  });

  test('structuredClone and postMessage refuse with what to do', () => {
    using object = (makers[name] as () => Tensor)();
    expect(() => structuredClone(object)).toThrow(InvalidArgumentError);
    expect(() => structuredClone({ deep: [object] })).toThrow(/cannot be cloned.*data\(\)/);
    const { port1, port2 } = new MessageChannel();
    expect(() => port1.postMessage(object)).toThrow(InvalidArgumentError);
    port1.close();
    port2.close();
  });

  test('Vue leaves it as it is, however deep it lies', () => {
    using object = (makers[name] as () => Tensor)();
    expect(isReactive(reactive(object))).toBe(false);
    const state = reactive({ object, list: [object], map: new Map([['object', object]]) });
    for (const found of [
      state.object,
      state.list[0],
      state.map.get('object'),
      ref(object).value,
      shallowRef(object).value,
    ]) {
      expect(found).toBe(object);
    }
    expect(computed(() => state.object.isDisposed).value).toBe(false);
    expect(markRaw(object)).toBe(object);
    expect(reactive({ object }).object.isDisposed).toBe(false);
  });

  test('MobX leaves it as it is', () => {
    using object = (makers[name] as () => Tensor)();
    const state = observable({ object, list: [object], box: observable.box(object, { deep: false }) });
    expect(state.object).toBe(object);
    expect(state.list[0]).toBe(object);
    expect(observable(object)).toBe(object);
    const seen: boolean[] = [];
    const stop = reaction(
      () => state.object,
      (each) => seen.push(each.isDisposed),
    );
    using other = (makers[name] as () => Tensor)();
    runInAction(() => (state.object = other));
    stop();
    expect(seen).toEqual([false]);
  });
});

test('a frozen tensor is freed once by the collector or by hand, not by both', async () => {
  const { gc } = globalThis as { gc?: () => void };
  const before = live();
  const frozen = Array.from({ length: 200 }, () => Object.freeze(tt.Tensor.ones([4])));
  await Promise.resolve(); // the runtime registers new tensors when the running code ends
  for (const each of frozen) each.dispose();
  expect(live()).toEqual(before);
  frozen.length = 0;
  gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(live()).toEqual(before);
});

test('JSON has the elements of a tensor, and refuses a model', () => {
  using x = new tt.Tensor([[1, 2.5]]);
  expect(JSON.stringify({ x })).toBe('{"x":[[1,2.5]]}');
  using layer = new tt.Dense(2, 2);
  expect(() => JSON.stringify({ layer })).toThrow(/saveModel/);
});

test('two tensors are not deeply equal: their elements are not compared', () => {
  using x = tt.Tensor.ones([2]);
  using y = tt.Tensor.ones([2]);
  expect(x).toEqual(x);
  expect(x).not.toEqual(y);
});
