// The part of scripts/bench.sh that drives browsers and compares. Writes build/bench/NAME.json and NAME.md.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { runBrowser } from './browser.mjs';
import { parseOptions, usage } from './options.mjs';
import { runNative } from './native.mjs';
import { runPeers } from './peers.mjs';
import { publish } from './publish.mjs';
import { markdown } from './report.mjs';
import { outDir } from './site.mjs';

const sameMeasurement = (a, b) =>
  ['browser', 'build', 'kernel', 'library', 'threads'].every((key) => a[key] === b[key]) &&
  a.case.id === b.case.id;

const readReport = async (path) => JSON.parse(await readFile(path, 'utf8').catch(() => '{"results":[]}'));

/** The earlier run's results that the new one has not measured again, then the new ones. */
function merged(earlier, report) {
  const kept = earlier.results.filter((old) => !report.results.some((fresh) => sameMeasurement(old, fresh)));
  return {
    ...report,
    versions: { ...earlier.versions, ...report.versions },
    results: [...kept, ...report.results],
  };
}

async function run(name, runner, options) {
  await mkdir(outDir, { recursive: true });
  const path = join(outDir, options.name ?? name);
  const earlier = options.append ? await readReport(`${path}.json`) : { results: [] };
  // Written again after each case, so that an interrupted run keeps what it has.
  const save = async (report) => {
    const whole = merged(earlier, report);
    await writeFile(`${path}.json`, `${JSON.stringify(whole, null, 1)}\n`);
    await writeFile(`${path}.md`, markdown(whole));
  };
  await save(await runner(options, (line) => console.log(line), save));
  console.log(`\nwritten: ${path}.json and ${path}.md`);
}

async function main() {
  if (process.argv.includes('--help')) return void console.log(usage);
  const options = parseOptions(process.argv.slice(2), cpus().length);
  if (options.native) await run('native', runNative, options);
  if (options.browser) await run('browser', runBrowser, options);
  if (options.peers) await run('peers', runPeers, options);
  if (options.publish) await publish((line) => console.log(line));
}

main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exit(1);
});
