// --native: Google Benchmark's figures of every rung, and the native libraries on the same shapes.
import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { selectCases } from '../../tests/peers/page/cases.js';
import { nativeContestant } from './contestants.mjs';
import { describeMachine } from './machine.mjs';
import { nativePeers } from './native_peers.mjs';
import { compare } from './rounds.mjs';
import { outDir } from './site.mjs';
import { summary } from './statistics.mjs';

const programsDir = join(outDir, 'cpp', 'bench');

/** Runs the programs and returns the report object described in docs/benchmarks.md. */
export async function runNative(options, log) {
  const cases = selectCases(
    options.cases || (options.quick ? 'f32-64,f32-256,f32-500,f32-64x784x256' : ''),
  ).filter((c) => c.kind === 'product');
  const report = {
    schema: 1,
    kind: 'native',
    machine: describeMachine(),
    browser: null,
    settings: { pages: options.pages, rounds: options.rounds, windowMs: options.windowMs },
    results: [],
  };
  await googleBenchmark(cases, options, report, log);
  await libraries(cases, options, report, log);
  return report;
}

/** The name of a case in the C++ programs: `float32/simd/64x784x256-NT`. */
const shapeName = (c) => `${c.m}x${c.k}x${c.n}${c.transA ? '-TN' : c.transB ? '-NT' : ''}`;

async function googleBenchmark(cases, options, report, log) {
  const programs = (await readdir(programsDir)).filter((name) => /^bench_[a-z_]+$/.test(name));
  for (const name of programs) {
    const output = join(outDir, `${name}.json`);
    const shapes = [...new Set(cases.map((c) => shapeName(c).replace('-', '\\-')))];
    const rungs = options.kernels.length > 0 ? `(${options.kernels.join('|')})` : '[a-z]+';
    log(`${name}, Google Benchmark`);
    const { status } = spawnSync(
      join(programsDir, basename(name)),
      [
        `--benchmark_filter=^product/(float32|float64)/${rungs}/(${shapes.join('|')})($|/)`,
        `--benchmark_min_time=${options.quick ? 0.1 : 0.5}`,
        `--benchmark_repetitions=${options.pages}`,
        '--benchmark_enable_random_interleaving=true',
        `--benchmark_out=${output}`,
        '--benchmark_out_format=json',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (status !== 0) throw new Error(`${name} ended with status ${status}`);
    const text = await readFile(output, 'utf8'); // empty where a program measures none of these shapes
    if (text) collect(JSON.parse(text), cases, report);
  }
}

function collect({ benchmarks }, cases, report) {
  for (const c of cases) {
    const runs = benchmarks.filter((b) => {
      const [kind, dtype, , shape] = b.name.split('/');
      return b.run_type === 'iteration' && kind === 'product' && dtype === c.dtype && shape === shapeName(c);
    });
    for (const rung of new Set(runs.map((b) => b.name.split('/')[2]))) {
      const ofRung = runs.filter((b) => b.name.split('/')[2] === rung);
      const entry = record(c, `tinytorch/${rung}`, 1, summary(ofRung.map((b) => (c.flops / b.FLOPS) * 1e3)));
      // OpenBLAS is measured there too, with its own instructions, of which the probe says nothing.
      if (rung !== 'openblas') {
        entry.peakGflops = Math.max(...ofRung.map((b) => b.PEAK)) / 1e9;
        entry.percentOfPeak = (100 * entry.gflops) / entry.peakGflops;
      }
      report.results.push(entry);
    }
  }
}

async function libraries(cases, options, report, log) {
  for (const c of cases) {
    for (const threads of options.threads) {
      const entries = nativePeers()
        .filter((peer) => peer.can(c, threads))
        .map((peer) => ({
          key: peer.id,
          make: () => nativeContestant({ ...peer.start(c, threads), c, threads }),
        }));
      if (entries.length === 0) continue;
      log(`${c.label} ${c.dtype}, ${threads} thread(s): ${entries.map(({ key }) => key).join(' ')}`);
      const results = await compare(entries, { ...options, log });
      for (const { key } of entries) {
        const { rounds, samples } = results.get(key);
        const measured = rounds.filter((round) => round !== null);
        if (measured.length === 0) continue;
        report.results.push(record(c, key, threads, { ...summary(measured), best: Math.min(...samples) }));
      }
    }
  }
}

function record({ id, label, group, dtype, flops }, library, threads, ms) {
  return { case: { id, label, group, dtype, flops }, library, threads, ms, gflops: flops / ms.median / 1e6 };
}
