// What replaces functions of Emscripten's own JavaScript in the glue of a module with threads.

addToLibrary({
  // Emscripten would wait, by Atomics.waitAsync, for calls that one thread makes for another. There are none here, and
  // a wait that never ends keeps the memory of a module alive for ever.
  _emscripten_thread_mailbox_await: (thread) => {
    void thread;
  },
});
