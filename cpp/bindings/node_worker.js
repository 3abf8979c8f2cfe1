// Comes first in the glue of a module with threads, which is the script of its workers, too. It is written for a browser's
// workers: this makes one of Node's look the same. Elsewhere it does nothing.
{
  const threads = globalThis.process?.getBuiltinModule?.('node:worker_threads');
  if (threads?.workerData === 'em-pthread') {
    const { parentPort } = threads;
    Object.assign(globalThis, {
      self: globalThis,
      name: 'em-pthread',
      location: { href: '' },
      // Emscripten knows a worker by the first; its newer versions by the second.
      importScripts() {},
      WorkerGlobalScope: class {},
      postMessage: (message) => parentPort.postMessage(message),
    });
    parentPort.on('message', (data) => globalThis.onmessage({ data }));
  }
}
