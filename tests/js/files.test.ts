// What is a file, what may be written into one, and how errors name what is wrong.

import { afterAll, describe, expect, test } from 'vitest';
import {
  type FileBytes,
  FormatError,
  InvalidArgumentError,
  type TinyTorch,
  TinyTorchError,
} from 'tinytorch-wasm';
import { build, runnableVariants } from './builds.js';

const tt = await build(runnableVariants().at(-1) ?? 'scalar');
const { Tensor } = tt;
const isNode = typeof process !== 'undefined';

const model = new tt.Sequential([new tt.Dense(2, 3)]);
const dataset = { features: Tensor.zeros([4, 2]), labels: Tensor.zeros([4], { dtype: 'int32' }) };
const trainer = new tt.Trainer(model, {
  optimizer: new tt.SGD(model.parameters(), { lr: 0.1 }),
  data: new tt.DataLoader(dataset),
});
const idxFile = new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]);

/** Every function of the package that takes a file, and one that it takes. */
const readers: Record<string, { file: Uint8Array; read: (file: never) => unknown }> = {
  readIdx: { file: idxFile, read: (file) => tt.tidy(() => tt.readIdx(file).toArray()) },
  readSafetensors: {
    file: tt.saveModel(model),
    read: (file) => tt.tidy(() => tt.readSafetensors(file).tensors.size),
  },
  loadModel: { file: tt.saveModel(model), read: (file) => (tt.loadModel(model, file), 'loaded') },
  restore: { file: trainer.checkpoint(), read: (file) => (trainer.restore(file), 'restored') },
};
const each = Object.entries(readers);

/** A realm of its own: Node's vm, or an iframe. */
async function otherRealm(): Promise<{ Uint8Array: Uint8ArrayConstructor; DataView: DataViewConstructor }> {
  if (isNode) {
    const vm = await import('node:vm');
    return vm.runInNewContext('({ Uint8Array, DataView })') as never;
  }
  const frame = document.body.appendChild(document.createElement('iframe'));
  return frame.contentWindow as never;
}

const live = tt.memory().tensors;
afterAll(() => expect(tt.memory().tensors).toBeLessThan(live + 40));

describe.each(each)('%s', (name, { file, read }) => {
  const expected = read(file as never);
  const take = (value: unknown): unknown => read(value as never);

  test('takes every kind of buffer and view, and leaves it as it was', async () => {
    const other = await otherRealm();
    const padded = new Uint8Array(file.length + 13).fill(255);
    padded.set(file, 5);
    const shared = new Uint8Array(new ArrayBuffer(file.length));
    shared.set(file);
    const kinds: Record<string, unknown> = {
      ArrayBuffer: file.slice().buffer,
      Uint8Array: file,
      'Uint8Array with an offset': padded.subarray(5, 5 + file.length),
      Uint8ClampedArray: new Uint8ClampedArray(file),
      Int8Array: new Int8Array(file.slice().buffer),
      'DataView with an offset': new DataView(padded.buffer, 5, file.length),
      'array of another realm': other.Uint8Array.from(file),
      'buffer of another realm': other.Uint8Array.from(file).buffer,
      'view of another realm': new other.DataView(other.Uint8Array.from(file).buffer),
      'a subclass with a length of its own': Object.defineProperty(file.slice(), 'length', { value: 2e9 }),
      'a view with a tag of its own': Object.defineProperty(file.slice(), Symbol.toStringTag, {
        value: 'Map',
      }),
    };
    if (typeof SharedArrayBuffer !== 'undefined') {
      const memory = new SharedArrayBuffer(padded.length);
      new Uint8Array(memory).set(padded);
      kinds['SharedArrayBuffer'] = memory.slice(5, 5 + file.length);
      kinds['view of a SharedArrayBuffer'] = new Uint8Array(memory, 5, file.length);
    }
    if (isNode) kinds['Buffer'] = Buffer.from(file);
    for (const [kind, value] of Object.entries(kinds)) expect(take(value), kind).toEqual(expected);
    expect(padded.subarray(5, 5 + file.length)).toEqual(file);
  });

  test('refuses anything else at once, naming itself and the value', () => {
    const values: [unknown, RegExp][] = [
      [{ length: 2e9 }, /got an Object/],
      [{ length: 4, 0: 0, 1: 0, 2: 8, 3: 1, byteLength: 2e9 }, /got an Object/],
      [Object.create(Uint8Array.prototype), /got an? /],
      [Object.create(ArrayBuffer.prototype), /got an? /],
      [{ [Symbol.toStringTag]: 'Uint8Array' }, /got an? /],
      [new Proxy(file, {}), /got an? /],
      [[...file], /got an Array; take Uint8Array.from/],
      [Promise.resolve(file), /got a Promise; await it/],
      [new Blob([file.slice()]), /got a Blob; take await/],
      [undefined, /got undefined/],
      [null, /got null/],
      ['model.safetensors', /got "model.safetensors"/],
      [7, /got 7/],
      [8n, /got 8n/],
      [Symbol('file'), /got Symbol\(file\)/],
      [() => file, /got a function/],
      [Tensor, /got a function/],
      [dataset.features, /got a Tensor/],
    ];
    for (const [value, text] of values) {
      expect(() => take(value)).toThrow(InvalidArgumentError);
      expect(() => take(value)).toThrow(text);
      expect(() => take(value)).toThrow(new RegExp(`^${name}: a file is an ArrayBuffer or a view`));
    }
  });

  test('refuses a buffer that was transferred away', () => {
    for (const view of [
      (b: ArrayBuffer) => b,
      (b: ArrayBuffer) => new Uint8Array(b),
      (b: ArrayBuffer) => new DataView(b),
    ]) {
      const buffer = file.slice().buffer;
      const value = view(buffer);
      structuredClone(buffer, { transfer: [buffer] });
      expect(() => take(value)).toThrow(InvalidArgumentError);
    }
  });

  test('every cut of a file and every byte behind it is an error, and nothing is lost', () => {
    const before = tt.memory();
    for (let size = 0; size < file.length; size += 1 + (size >> 4)) {
      expect(() => take(file.subarray(0, size)), String(size)).toThrow(FormatError);
    }
    const longer = new Uint8Array(file.length + 1);
    longer.set(file);
    expect(() => take(longer)).toThrow(FormatError);
    expect(tt.memory().bytes).toBe(before.bytes);
    expect(tt.memory().tensors).toBe(before.tensors);
    expect(take(file)).toEqual(expected);
  });
});

describe('writing', () => {
  const one = Tensor.ones([1]);
  const half = '\ud800';
  const write = (tensors: unknown, metadata?: unknown): FileBytes =>
    tt.writeSafetensors(tensors as [], metadata as []);

  test('names and metadata come back as they were', () => {
    const texts = [
      '',
      ' ',
      'a"b\\c',
      '\u0000\u001f\u007f',
      '\ufeffmark',
      '\u2028',
      '😀é',
      'x'.repeat(100_000),
      '__proto__',
    ];
    const tensors = texts.map((name, i) => [name, Tensor.full([1], i)] as const);
    const metadata = texts.map((key, i) => [key, texts[texts.length - 1 - i] as string] as const);
    const read = tt.readSafetensors(write(new Map(tensors), new Map(metadata)));
    expect([...read.tensors.keys()]).toEqual(texts);
    expect([...read.tensors.values()].map((tensor) => tensor.item())).toEqual(texts.map((_, i) => i));
    expect([...read.metadata]).toEqual(metadata);
    for (const tensor of [...read.tensors.values(), ...tensors.map(([, t]) => t)]) tensor.dispose();
  });

  test.each<[string, unknown, unknown, RegExp]>([
    ['a reserved name', [['__metadata__', one]], [], /'__metadata__' is the format's own/],
    [
      'a name twice',
      [
        ['a', one],
        ['b', one],
        ['a', one],
      ],
      [],
      /'a' is there twice/,
    ],
    ['half a surrogate pair', [[half, one]], [], /name 0 of tensors has half a surrogate pair/],
    ['half a surrogate pair in a key', [], [[`a${half}b`, '']], /name 0 of metadata has half/],
    ['half a surrogate pair in a value', [], [['k', half]], /metadata "k" has half/],
    [
      'a key twice',
      [],
      [
        ['k', '1'],
        ['k', '2'],
      ],
      /'k' stand twice/,
    ],
    ['a number', [], [['epoch', 3]], /metadata "epoch" must be a string, got 3/],
    ['undefined', [], [['epoch', undefined]], /metadata "epoch" must be a string, got undefined/],
    ['a name that is a number', [[1, one]], [], /name 0 of tensors must be a string, got 1/],
    ['an object', [], { epoch: '3' }, /metadata must be pairs .*Object.entries\(x\), got an Object/],
    ['a string', [], 'ab', /metadata must be pairs/],
    ['null', null, [], /tensors must be pairs .* got null/],
    ['pairs that are none', ['ab'], [], /got "ab" as pair 0/],
    ['no tensor', [['a', 1]], [], /writeSafetensors, "a": expected a Tensor/],
    ['a long name', [['n'.repeat(100_000_001), one]], [], /longer than a header may be/],
  ])('refuses %s', (_, tensors, metadata, text) => {
    expect(() => write(tensors, metadata)).toThrow(InvalidArgumentError);
    expect(() => write(tensors, metadata)).toThrow(text);
    if (Array.isArray(tensors) && tensors.length === 0) {
      const save = (): unknown => tt.saveModel(model, metadata as []);
      expect(save).toThrow(InvalidArgumentError);
    }
  });

  test('an iterator that disposes of a tensor is noticed', () => {
    const victim = Tensor.ones([1000]);
    function* pairs(): Generator<[string, typeof victim]> {
      yield ['a', victim];
      victim.dispose();
    }
    expect(() => write(pairs())).toThrow(/disposed/);
  });

  test('data begin on a multiple of 8, and each tensor on one of its element', () => {
    const file = write([
      ['byte', new Tensor(new Uint8Array([1, 2, 3]))],
      ['double', new Tensor(new Float64Array([0.5]))],
      ['float', new Tensor([1.5, 2.5])],
    ]);
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    expect(Object.keys(header)).toEqual(['byte', 'double', 'float']);
    const at = (name: string): number => 8 + length + (header[name]?.data_offsets[0] ?? NaN);
    expect([...new Float64Array(file.buffer, at('double'), 1)]).toEqual([0.5]);
    expect([...new Float32Array(file.buffer, at('float'), 2)]).toEqual([1.5, 2.5]);
    expect([...file.subarray(at('byte'))]).toEqual([1, 2, 3]);
  });

  // With a search through all names for each one, this would take minutes: the runner's limit finds that.
  test('many names', () => {
    const metadata = Array.from({ length: 60_000 }, (_, i) => [`key ${i}`, `${i}`] as const);
    const tensors = Array.from({ length: 20_000 }, (_, i) => [`layer.${i}`, one] as const);
    const read = tt.readSafetensors(write(tensors, metadata));
    expect(read.tensors.size).toBe(tensors.length);
    expect(read.metadata.get('key 59999')).toBe('59999');
    for (const tensor of read.tensors.values()) tensor.dispose();
  });
});

test('a full memory is an error of the package, and the library goes on', async () => {
  if (!isNode) return; // a page may have less than a file of that size
  const big = new Uint8Array(2 ** 31);
  const lib: TinyTorch = tt;
  expect(() => lib.readIdx(big)).toThrow(TinyTorchError);
  expect(lib.readIdx(idxFile).toArray()).toEqual([7, 9]);
});
