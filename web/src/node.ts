// What only Node has.

interface NodeModules {
  'node:fs/promises': typeof import('node:fs/promises');
  'node:os': typeof import('node:os');
  'node:util': typeof import('node:util');
  'node:zlib': typeof import('node:zlib');
  'node:worker_threads': typeof import('node:worker_threads');
}

/** One of Node's own modules; undefined elsewhere. It is asked for, not imported, so that bundlers do not look for it. */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}
