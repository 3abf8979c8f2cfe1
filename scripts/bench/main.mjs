// The part of scripts/bench.sh that drives browsers and compares. Writes build/bench/NAME.json and NAME.md.
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { runBrowser } from './browser.mjs';
import { parseOptions, usage } from './options.mjs';
import { runPeers } from './peers.mjs';
import { markdown } from './report.mjs';
import { outDir } from './site.mjs';

async function run(name, runner, options) {
  const report = await runner(options, (line) => console.log(line));
  await mkdir(outDir, { recursive: true });
  const path = join(outDir, options.name ?? name);
  await writeFile(`${path}.json`, `${JSON.stringify(report, null, 1)}\n`);
  await writeFile(`${path}.md`, markdown(report));
  console.log(`\nwritten: ${path}.json and ${path}.md`);
}

async function main() {
  if (process.argv.includes('--help')) return void console.log(usage);
  const options = parseOptions(process.argv.slice(2), cpus().length);
  if (options.browser) await run('browser', runBrowser, options);
  if (options.peers) await run('peers', runPeers, options);
}

main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exit(1);
});
