// Plants small faults in cpp/src, one at a time, and counts how many the native tests find. See docs/testing.md.
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { candidates, KINDS } from './mutants.mjs';

const USAGE = `Usage: scripts/mutate.sh [--count N] [--seed N] [--only N] [--list]

Plants N faults (100) in a copy of the last commit's cpp/src, one after the other: build/mutants/tree. Each is built and
the C++ tests and the programs of tests/fuzz are run until the first failure. Goes on where an earlier run with the same
seed has stopped; build/mutants/seed-N.jsonl holds what was found, and the table is printed at the end.
  --seed N   which faults: the same seed, the same faults of the same commit; default 1
  --only N   only the fault of that number, with the tests' output
  --list     prints the faults and plants none`;

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    list: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const count = Number(options.count);
const seed = Number(options.seed);

const root = fileURLToPath(new URL('..', import.meta.url));
const work = join(root, 'build/mutants');
const tree = join(work, 'tree');
const build = join(work, 'build');
const results = join(work, `seed-${seed}.jsonl`);

/** A copy of the last commit, whose files keep their time of change where nothing has changed. */
function copyTree() {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const marker = join(work, 'commit');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === commit) return;
  mkdirSync(tree, { recursive: true });
  execFileSync('bash', ['-c', `git archive HEAD | tar -x -C '${tree}'`], {
    cwd: root,
  });
  writeFileSync(marker, commit);
  writeFileSync(results, ''); // another commit has other faults
}

const run = (command, args, limit) =>
  spawnSync(command, args, {
    cwd: work,
    encoding: 'utf8',
    timeout: limit,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 28,
  });

/** Builds; true where it compiles. */
function compiles() {
  return run('cmake', ['--build', build], 1_800_000).status === 0;
}

/** Runs everything until the first failure: 'survived', or what found the fault. */
function judge(limit) {
  const program = join(build, 'tests/cpp/tinytorch_tests');
  const tests = run(program, ['--gtest_fail_fast', '--gtest_brief=1'], limit);
  if (tests.status !== 0) {
    const name = /\[ {2}FAILED {2}\] (\S+)/.exec(tests.stdout)?.[1];
    return {
      by: name ?? (tests.error ? 'the limit of time' : `an end by ${tests.signal ?? tests.status}`),
      tests,
    };
  }
  const fuzz = run(
    'ctest',
    ['--test-dir', build, '-L', 'fuzz', '--stop-on-failure', '--output-on-failure'],
    limit,
  );
  if (fuzz.status !== 0) {
    const name = /\*\*\*\w*\s*|- (\S+) \(/.exec(fuzz.stdout)?.[1];
    return { by: name ? `fuzz: ${name}` : 'a fuzzer', tests: fuzz };
  }
  return { by: null, tests };
}

/** Plants one fault, judges it and takes it out again. */
function plant(mutant, limit) {
  const path = join(tree, mutant.file);
  const original = readFileSync(path, 'utf8');
  const lines = original.split('\n');
  lines[mutant.line - 1] = mutant.after;
  writeFileSync(path, lines.join('\n'));
  try {
    return compiles() ? judge(limit) : undefined;
  } finally {
    writeFileSync(path, original);
  }
}

function table(found) {
  console.log('\n| fault | planted | found | survived |\n| --- | --- | --- | --- |');
  let planted = 0;
  let survived = 0;
  for (const { name, title } of KINDS) {
    const own = found.filter(({ kind }) => kind === name);
    const left = own.filter(({ by }) => by === null).length;
    planted += own.length;
    survived += left;
    console.log(`| ${title} | ${own.length} | ${own.length - left} | ${left} |`);
  }
  console.log(`| **all** | ${planted} | ${planted - survived} | ${survived} |`);
  for (const { by, number, file, line, before, after } of found) {
    if (by === null)
      console.log(`\nfault ${number} survived: ${file}:${line}\n- ${before.trim()}\n+ ${after.trim()}`);
  }
}

copyTree();
const queue = candidates(tree, seed, count);
if (options.list) {
  for (const { number, kind, file, line, before, after } of queue.slice(0, count)) {
    console.log(`${number} ${kind} ${file}:${line}\n- ${before.trim()}\n+ ${after.trim()}`);
  }
  process.exit(0);
}

execFileSync('cmake', [
  ...['-S', tree, '-B', build, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_CXX_FLAGS_RELEASE=-O1'],
  '-DCMAKE_COMPILE_WARNING_AS_ERROR=OFF',
]);
if (!compiles()) throw new Error('mutate: the tests do not build without a fault');
const begin = Date.now();
const sound = judge(3_600_000);
if (sound.by !== null)
  throw new Error(`mutate: a test fails without a fault: ${sound.by}\n${sound.tests.stdout}`);
const limit = 4 * (Date.now() - begin) + 30_000;
console.log(`mutate: without a fault everything passes, in ${Math.round((Date.now() - begin) / 1000)} s`);

if (options.only) {
  const verdict = plant(queue[Number(options.only)], limit);
  console.log(verdict?.tests.stdout ?? 'it does not compile', '\nfound by', verdict?.by);
  process.exit(0);
}

const found = existsSync(results)
  ? readFileSync(results, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text))
  : [];
const judged = () => found.filter(({ by }) => by !== undefined);
const done = new Set(found.map(({ number }) => number));
for (const mutant of queue) {
  if (judged().length >= count) break;
  if (done.has(mutant.number)) continue;
  // Each kind has its share; what does not compile is replaced by the next of its kind.
  if (judged().filter(({ kind }) => kind === mutant.kind).length >= mutant.share) continue;
  const verdict = plant(mutant, limit);
  const record = { ...mutant, by: verdict ? verdict.by : undefined };
  found.push(record);
  appendFileSync(results, `${JSON.stringify({ ...record, compiles: Boolean(verdict) })}\n`);
  const say = verdict ? (verdict.by ?? 'SURVIVED') : 'does not compile';
  console.log(
    `${judged().length}/${count} fault ${mutant.number} ${mutant.kind} ${mutant.file}:${mutant.line}: ${say}`,
  );
}
table(judged());
