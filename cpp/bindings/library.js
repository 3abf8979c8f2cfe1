// What replaces functions of Emscripten's own JavaScript in the glue of a module with threads.

// Emscripten would start its workers from a fixed file name. The package starts them (web/src/worker.ts), so that
// bundlers can rename files and it is known of each worker what becomes of it.
LibraryManager.library.$PThread.allocateUnusedWorker = () =>
  PThread.unusedWorkers.push(Module['startWorker']());

addToLibrary({
  // Emscripten would wait, by Atomics.waitAsync, for calls that one thread makes for another. There are none here, and
  // a wait that never ends keeps the memory of a module alive for ever.
  _emscripten_thread_mailbox_await: (thread) => {
    void thread;
  },

  // Node 20 has no navigator. The package says how many threads there are to be (web/src/threads.ts): 0, not known, will do.
  emscripten_num_logical_cores: () => globalThis.navigator?.hardwareConcurrency ?? 0,
});
