// One page measures one library. The runner calls load and prepare, then window again and again, in turn with
// the other pages, so that the drift of the machine falls on all of them alike.
import { cases } from './cases.js';
import { timer } from './timing.js';
import { errorShare } from './verify.js';

let library;
let info;
let loadMs;
const prepared = new Map();

globalThis.bench = {
  /** Imports a library's adapter and starts the library. */
  async load({ adapter, ...options }) {
    const started = performance.now();
    library = await import(`/page/adapters/${adapter}.js`);
    info = await library.load(options);
    loadMs = performance.now() - started;
    return info;
  },

  /** Prepares a case under `key`, verifies its result and warms up. */
  async prepare({ key, caseId, form, timing }) {
    const c = cases.find((entry) => entry.id === caseId);
    const started = performance.now();
    const call = await library.prepare(c, form);
    const share = errorShare(c, await call.verify());
    if (!(share <= 1)) throw new Error(`wrong result: ${share} times the allowed error`);
    const firstResultMs = loadMs + performance.now() - started;
    const entry = await timer(call.run, timing);
    prepared.set(key, { ...entry, dispose: call.dispose });
    return { ...info, errorShare: share, firstResultMs, isAsync: entry.isAsync };
  },

  window: ({ key, ms }) => prepared.get(key).window(ms),

  /** GFLOP/s of the library's own peak probe in this module, null where it has none. */
  peak: ({ dtype }) => library.peak?.(dtype) ?? null,

  /** Frees a prepared case. */
  drop({ key }) {
    prepared.get(key)?.dispose?.();
    prepared.delete(key);
  },

  environment: () => ({
    userAgent: navigator.userAgent,
    isolated: globalThis.crossOriginIsolated,
    processors: navigator.hardwareConcurrency,
  }),
};
