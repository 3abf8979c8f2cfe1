// Pages whose Content-Security-Policy refuses workers: one thread and the reason, never a wait without end.

import { expect, test } from 'vitest';

const library = new URL('../../../dist/index.js', import.meta.url);

/** What a page with that policy, in a frame, says of the library that it loads. */
async function loadedUnder(policy: string): Promise<unknown> {
  const answer = new Promise((resolve) => {
    addEventListener('message', ({ data }: MessageEvent<{ loaded?: unknown } | null>) => {
      if (data?.loaded) resolve(data.loaded);
    });
  });
  const frame = document.createElement('iframe');
  // The tests' server rewrites imports to calls of the global.
  frame.srcdoc = `
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <script type="module">
      globalThis.__vitest_browser_runner__ = { wrapDynamicImport: (load) => load() };
      try {
        const { load } = await import(${JSON.stringify(library.href)});
        const tt = await load({ variant: 'simd', threads: 2 });
        const sum = tt.Tensor.ones([300, 300]).sum().item();
        const { threads, threadsReason } = tt;
        parent.postMessage({ loaded: { isolated: crossOriginIsolated, threads, threadsReason, sum } });
      } catch (error) {
        parent.postMessage({ loaded: String(error) });
      }
    </script>`;
  document.body.append(frame);
  try {
    return await answer;
  } finally {
    frame.remove();
  }
}

test('a policy that allows workers', async () => {
  expect(await loadedUnder("object-src 'none'")).toMatchObject({ isolated: true, threads: 2, sum: 90_000 });
});

test.each(["worker-src 'none'", 'worker-src https://elsewhere.example'])('%s', async (policy) => {
  expect(await loadedUnder(policy)).toMatchObject({
    isolated: true,
    threads: 1,
    threadsReason: expect.stringContaining('the workers could not be started') as string,
    sum: 90_000,
  });
});
