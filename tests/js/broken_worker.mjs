// Runs in a worker in front of its real script: the functions that compute a part of an operation `crash` or `hang`
// there (worker_lost.test.ts, which sets the global).

const fault = globalThis.fault;

const hang = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);

/** (module (import "" "f" (func $f)) (func (export "bad") (param i32 i32 i32 i32) call $f)) */
const bytes = [
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 11, 2, 96, 0, 0, 96, 4, 127, 127, 127, 127, 0],
  ...[2, 6, 1, 0, 1, 102, 0, 0, 3, 2, 1, 1, 7, 7, 1, 3, 98, 97, 100, 0, 1, 10, 6, 1, 4, 0, 16, 0, 11],
];
const { Instance } = WebAssembly;
const { bad } = new Instance(new WebAssembly.Module(new Uint8Array(bytes)), {
  '': {
    f: () => {
      if (fault === 'hang') hang();
      throw new Error('a part of an operation fails');
    },
  },
}).exports;

// What parallel_for calls has four arguments: the callable, begin, end, thread. Others that have as many, fail, too.
WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  for (const value of [...Object.values(instance.exports), ...Object.values(imports[''] ?? {})]) {
    if (!(value instanceof WebAssembly.Table)) continue;
    for (let i = 0; i < value.length; ++i) if (value.get(i)?.length === 4) value.set(i, bad);
  }
  return instance;
};
