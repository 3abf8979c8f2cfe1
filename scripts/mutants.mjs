// The faults that scripts/mutate.mjs plants: which there are, and which of them a seed chooses.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Code that this machine's native build does not have, or where a fault can only cost time. */
const LEFT_OUT = [
  /simd\/lanes_(wasm|neon|generic)/,
  /parallel\/no_pool/,
  /matmul\/(policy|explain|peak_probe)/, // choices between ways to the same bits
  /matmul\/packed\/peak_loop/,
  /base\/clock/,
  /base\/poison/,
];

const swap = (pattern, to) => (line) =>
  [...line.matchAll(pattern)].map(
    (match) => line.slice(0, match.index) + to(match) + line.slice(match.index + match[0].length),
  );
const swapEach = (pairs) => (line) => pairs.flatMap(([from, to]) => swap(from, () => to)(line));
const statement = /^\s*[\w:.>[\]-]+(\(.*\)| [-+*|&]?= .*);( *\/\/.*)?$/;
const declaration =
  /^\s*(return|using|const|auto|static|template|friend|typedef|case|delete|throw|namespace)\b/;

/** Each gives the lines that one line can become; `share` is its part of a hundred. */
export const KINDS = [
  {
    name: 'bound',
    title: 'a bound off by one (`<` to `<=` and back)',
    share: 20,
    mutate: swapEach([
      [/ < (?!<)/g, ' <= '],
      [/ <= /g, ' < '],
      [/ > (?!>)/g, ' >= '],
      [/ >= /g, ' > '],
    ]),
  },
  {
    name: 'arithmetic',
    title: '`+` for `-`, `*` for `+`',
    share: 18,
    mutate: swapEach([
      [/ \+ /g, ' - '],
      [/ - /g, ' + '],
      [/ \* /g, ' + '],
      [/ \+= /g, ' -= '],
    ]),
  },
  {
    name: 'stride',
    title: 'a row for a column',
    share: 12,
    mutate: swapEach([
      [/_row\b/g, '_col'],
      [/_col\b/g, '_row'],
      [/\brows\(\)/g, 'cols()'],
      [/\bm\b(?= [*<]|\))/g, 'n'],
      [/\bn\b(?= [*<]|\))/g, 'm'],
      [/\bstrides\(\)\[(\w+)\]/g, 'shape()[0]'],
    ]),
  },
  {
    name: 'check',
    title: 'a check left out',
    share: 14,
    mutate: (line) =>
      /^\s*(detail::)?(require|check)\w*(<.*>)?\(.*\);$/.test(line)
        ? ['']
        : /^\s*if \(.*\b(fail\(|throw ).*;$/.test(line)
          ? ['']
          : [],
  },
  {
    name: 'dropped',
    title: 'a statement left out',
    share: 14,
    mutate: (line) => (statement.test(line) && !declaration.test(line) ? [''] : []),
  },
  {
    name: 'logic',
    title: '`&&` for `||`, `==` for `!=`',
    share: 8,
    mutate: swapEach([
      [/ && /g, ' || '],
      [/ \|\| /g, ' && '],
      [/ == /g, ' != '],
      [/ != /g, ' == '],
    ]),
  },
  {
    name: 'sign',
    title: 'a wrong sign in a gradient',
    share: 6,
    files: /autograd|losses|update/,
    mutate: swapEach([
      [/\bneg\(/g, '('],
      [/\bsub\(/g, 'add('],
      [/\badd\(/g, 'sub('],
      [/(?<=[(=,] ?)-(?=[a-z])/g, ''],
      [/ - /g, ' + '],
    ]),
  },
  {
    name: 'constant',
    title: 'a wrong constant',
    share: 8,
    mutate: swapEach([
      [/(?<=[=(,] ?)0(?=[;),])/g, '1'],
      [/(?<=[-+*=(,] ?)1(?=[;),])/g, '2'],
      [/\b0\.5\b/g, '0.25'],
      [/\b2\.0\b/g, '3.0'],
    ]),
  },
];

/** splitmix64, so that a seed gives the same faults everywhere. */
function generator(seed) {
  let state = BigInt(seed);
  const mask = (1n << 64n) - 1n;
  return (below) => {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return Number((z ^ (z >> 31n)) % BigInt(below));
  };
}

/** Lines that the native build compiles: no comments, directives, or parts for another platform. */
function* codeLines(text) {
  let elsewhere = 0; // how many #if deep inside a part for Emscripten
  for (const [index, line] of text.split('\n').entries()) {
    if (/^#if/.test(line)) elsewhere += elsewhere > 0 || /ifdef __EMSCRIPTEN__/.test(line) ? 1 : 0;
    else if (/^#else/.test(line) && elsewhere === 1) elsewhere = 0;
    else if (/^#endif/.test(line)) elsewhere = Math.max(elsewhere - 1, 0);
    if (elsewhere || /^\s*(\/\/|#|\*|static_assert|template|using|namespace|assert\(|})/.test(line)) continue;
    yield [index + 1, line];
  }
}

/** A line without its comment and texts is what may change; the rest stays. */
function changesOf(kind, line) {
  const comment = line.search(/\s\/\/|"/);
  const code = comment < 0 ? line : line.slice(0, comment);
  const rest = line.slice(code.length);
  if (kind.name === 'check' || kind.name === 'dropped') return kind.mutate(line);
  return kind.mutate(code).map((after) => after + rest);
}

/**
 * The faults of a seed in the order in which they are tried: more than `count` of each kind's share, since some do not
 * compile. Files are chosen by the number of their lines.
 */
export function candidates(tree, seed, count) {
  const source = join(tree, 'cpp/src');
  const files = readdirSync(source, { recursive: true })
    .map((name) => join(source, name))
    .filter((path) => /\.(cpp|h)$/.test(path) && !LEFT_OUT.some((pattern) => pattern.test(path)))
    .sort();
  const random = generator(seed);
  const queue = [];
  for (const kind of KINDS) {
    const all = [];
    for (const path of files) {
      if (kind.files && !kind.files.test(path)) continue;
      for (const [line, before] of codeLines(readFileSync(path, 'utf8'))) {
        for (const after of changesOf(kind, before)) {
          if (after !== before) all.push({ file: relative(tree, path), line, before, after });
        }
      }
    }
    for (let i = all.length - 1; i > 0; --i) {
      const j = random(i + 1);
      [all[i], all[j]] = [all[j], all[i]];
    }
    const share = Math.max(1, Math.round((kind.share * count) / 100));
    all
      .slice(0, 3 * share)
      .forEach((mutant, rank) => queue.push({ rank, kind: kind.name, share, ...mutant }));
  }
  // Kinds take turns, so that a run that is stopped has seen all of them.
  queue.sort((a, b) => a.rank / a.share - b.rank / b.share);
  return queue.map((mutant, number) => ({ number, ...mutant }));
}
