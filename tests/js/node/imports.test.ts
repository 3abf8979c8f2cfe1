// The package's source files import one way: none needs, through others, itself.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const source = fileURLToPath(new URL('../../../web/src', import.meta.url));

/** What each file imports, for its types alone or to run. */
const imports = new Map(
  readdirSync(source)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const text = readFileSync(`${source}/${name}`, 'utf8');
      const found = text.matchAll(/^(?:import|export|\}) [^;]*?from '\.\/(\w+)\.js';/gms);
      return [name, Array.from(found, ([, imported]) => `${imported}.ts`)] as const;
    }),
);

/** A way from a file back to one on the way to it, if there is any. */
function circle(name: string, way: readonly string[], done: Set<string>): readonly string[] | undefined {
  if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
  if (done.has(name)) return undefined;
  for (const next of imports.get(name) ?? []) {
    const found = circle(next, [...way, name], done);
    if (found) return found;
  }
  done.add(name);
  return undefined;
}

test('no circles', () => {
  expect(imports.get('load.ts')).toContain('runtime.ts');
  expect(imports.get('nn.ts')).toContain('layer.ts');
  const done = new Set<string>();
  for (const name of imports.keys()) expect(circle(name, [], done)).toBeUndefined();
});
