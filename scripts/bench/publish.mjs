// --publish: puts the Markdown of the last runs into docs/benchmarks.md.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markdown } from './report.mjs';
import { outDir, root } from './site.mjs';

const begin = '<!-- figures:begin -->';
const end = '<!-- figures:end -->';

export async function publish(log) {
  const path = join(root, 'docs', 'benchmarks.md');
  const text = await readFile(path, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} lacks the lines ${begin} and ${end}`);
  const parts = [];
  for (const name of ['peers', 'browser', 'native']) {
    const report = await readFile(join(outDir, `${name}.json`), 'utf8').catch(() => null);
    // One level down: they stand under the document's own headings.
    if (report) parts.push(markdown(JSON.parse(report)).replace(/^#/gm, '##'));
  }
  if (parts.length === 0) throw new Error(`nothing to publish in ${outDir}: run scripts/bench.sh first`);
  await writeFile(path, `${text.slice(0, from + begin.length)}\n\n${parts.join('\n')}\n${text.slice(to)}`);
  log(`written: ${path}`);
}
