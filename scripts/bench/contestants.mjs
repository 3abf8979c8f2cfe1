// What is measured: a library in a page of its own, or a native program in a process of its own. Both offer
// open() -> info, window(ms) -> { calls, samples }, peak() -> GFLOP/s or null, close().
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  networkInput,
  networkWeights,
  productData,
  trainingBatches,
  trainingOptions,
} from '../../tests/peers/page/data.js';
import { layers } from '../../tests/peers/page/cases.js';
import { errorShare, verifiedSteps } from '../../tests/peers/page/verify.js';
import { outDir, writeModel } from './site.mjs';

/** A library in a fresh page. */
export function pageContestant({ browser, url, adapter, c, form, threads, timing }) {
  let page;
  return {
    async open() {
      await writeModel(adapter, c, form);
      page = await browser.open(`${url}page/index.html`);
      try {
        await page.call('load', { adapter, threads, form });
        return await page.call('prepare', { key: c.id, caseId: c.id, form, timing });
      } catch (error) {
        throw new Error([firstLine(error), ...page.messages.slice(0, 2)].join(' | '), { cause: error });
      }
    },
    window: (ms) => page.call('window', { key: c.id, ms }),
    peak: () => page.call('peak', { dtype: c.dtype }),
    close: () => page?.close(),
  };
}

const firstLine = (error) => error.message.split('\n')[0];

/**
 * A native program that speaks the line protocol of tests/peers/native: it prepares the case, writes its result
 * to a file, prints `ready`, then answers each `window MS` with the milliseconds per call of its timed regions.
 */
export function nativeContestant({ command, args, env, c, threads }) {
  let child;
  let lines;
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ended early`);
    return value;
  };
  return {
    async open() {
      const dir = join(outDir, 'data', c.id);
      await writeCaseData(dir, c);
      child = spawn(command, [...args, dir, String(threads)], {
        env: { ...process.env, ...env },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const failed = new Promise((_, reject) => child.once('error', reject));
      lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const answer = await Promise.race([next(), failed]);
      if (answer !== 'ready') throw new Error(answer);
      const share = errorShare(c, await readResult(dir, c));
      if (!(share <= 1)) throw new Error(`wrong result, ${share} times the allowed error`);
      child.stdin.write('window 1500\n'); // warms up processor clocks and the library's own buffers
      await next();
      return { errorShare: share };
    },
    async window(ms) {
      child.stdin.write(`window ${ms}\n`);
      const [calls, ...samples] = (await next()).split(' ').map(Number);
      return { calls, samples };
    },
    peak: async () => null,
    close: async () => void child?.stdin.end(),
  };
}

/** The case as files: case.json and one raw file for each array. */
async function writeCaseData(dir, c) {
  await mkdir(dir, { recursive: true });
  const write = (name, data) =>
    writeFile(join(dir, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (c.kind === 'product') {
    const { a, b } = productData(c);
    const numbers = [c.m, c.k, c.n, Number(c.transA), Number(c.transB), c.dtype === 'float64' ? 8 : 4];
    await writeFile(join(dir, 'shape.txt'), `${numbers.join(' ')}\n`);
    await Promise.all([write('a.bin', a), write('b.bin', b)]);
    return;
  }
  const batches =
    c.kind === 'train' ? trainingBatches(c.batch) : [{ x: networkInput(c.batch), labels: new Int32Array(0) }];
  const description = {
    ...c,
    layers,
    batches: batches.length,
    verifiedSteps,
    options: trainingOptions[c.optimizer],
  };
  await writeFile(join(dir, 'case.json'), JSON.stringify(description));
  await Promise.all([
    ...networkWeights().flatMap((l, i) => [write(`w${i}.bin`, l.weight), write(`b${i}.bin`, l.bias)]),
    ...batches.flatMap(({ x, labels }, i) => [write(`x${i}.bin`, x), write(`labels${i}.bin`, labels)]),
  ]);
}

async function readResult(dir, c) {
  const bytes = await readFile(join(dir, 'result.bin'));
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return c.dtype === 'float64' ? new Float64Array(copy) : new Float32Array(copy);
}
