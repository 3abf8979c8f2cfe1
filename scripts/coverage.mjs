// Sums up an LCOV file from stdin: the part of scripts/coverage.sh that counts.
//
// A template's lines and branches appear once for each instantiation; here they count once, as reached where any
// instantiation reached them.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const show = process.argv[2] === '--show';

/** @type {Map<string, { lines: Map<number, number>, branches: Map<string, number> }>} */
const files = new Map();
let file;
for (const record of readFileSync(0, 'utf8').split('\n')) {
  const [kind, rest = ''] = record.split(/:(.*)/s);
  if (kind === 'SF') {
    const name = relative(process.cwd(), rest);
    file = files.get(name) ?? { lines: new Map(), branches: new Map() };
    files.set(name, file);
  } else if (kind === 'DA') {
    const [line, count] = rest.split(',').map(Number);
    file.lines.set(line, Math.max(file.lines.get(line) ?? 0, count));
  } else if (kind === 'BRDA') {
    const [line, , branch, count] = rest.split(',');
    const key = `${line},${branch}`;
    file.branches.set(key, Math.max(file.branches.get(key) ?? 0, Number(count) || 0));
  }
}

const reached = (counts) => [...counts.values()].filter((count) => count > 0).length;
const percent = (part, whole) => (whole ? ((100 * part) / whole).toFixed(1) : '-').padStart(6);

if (show) {
  for (const [name, { lines, branches }] of files) {
    const text = readFileSync(name, 'utf8').split('\n');
    const missed = new Set([...lines].filter(([, count]) => count === 0).map(([line]) => line));
    const half = new Set([...branches].filter(([, count]) => count === 0).map(([key]) => parseInt(key)));
    for (const line of [...new Set([...missed, ...half])].sort((a, b) => a - b)) {
      const mark = missed.has(line) ? 'line  ' : 'branch';
      console.log(`${name}:${line}: ${mark} ${text[line - 1]?.trim() ?? ''}`);
    }
  }
} else {
  const total = [0, 0, 0, 0];
  console.log('  lines        branches     file');
  for (const [name, { lines, branches }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const row = [reached(lines), lines.size, reached(branches), branches.size];
    row.forEach((value, i) => (total[i] += value));
    const missing = `${row[1] - row[0]}`.padStart(4);
    const without = `${row[3] - row[2]}`.padStart(4);
    console.log(`${percent(row[0], row[1])} -${missing}  ${percent(row[2], row[3])} -${without}  ${name}`);
  }
  console.log(
    `lines ${percent(total[0], total[1])} % of ${total[1]}, branches ${percent(total[2], total[3])} % of ${total[3]}`,
  );
}
