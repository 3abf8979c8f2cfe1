// Everything public of a loaded module, found by reflection: what is added later is tried without being listed here.

import type { TinyTorch } from 'tinytorch-wasm';

/** One function, method, accessor or constructor. */
export interface Entry {
  /** `Tensor#slice`, `new Dense`, `Tensor.zeros`, `tidy` */
  readonly name: string;
  /** The class whose object is its `this`; undefined where it has none. */
  readonly receiver: string | undefined;
  call(self: unknown, args: readonly unknown[]): unknown;
}

type AnyFunction = (...args: unknown[]) => unknown;
type AnyClass = new (...args: unknown[]) => object;

export function surfaceOf(tt: TinyTorch): Entry[] {
  const entries: Entry[] = [];
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(tt))) {
    if (typeof value !== 'function') continue;
    if (isClass(value)) entries.push(...entriesOfClass(name, value as AnyClass));
    else entries.push({ name, receiver: undefined, call: (_, args) => (value as AnyFunction)(...args) });
  }
  return entries;
}

export function classesOf(tt: TinyTorch): string[] {
  return Object.entries(tt)
    .filter(([, value]) => isClass(value))
    .map(([name]) => name);
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}

function entriesOfClass(name: string, Class: AnyClass): Entry[] {
  const entries: Entry[] = [
    { name: `new ${name}`, receiver: undefined, call: (_, args) => new Class(...args) },
  ];
  for (const [key, { value }] of ownMembers(Class)) {
    if (typeof value !== 'function') continue;
    const call: Entry['call'] = (_, args) => Reflect.apply(value as AnyFunction, Class, args) as unknown;
    entries.push({ name: `${name}.${String(key)}`, receiver: undefined, call });
  }
  const seen = new Set<string | symbol>(['constructor']);
  for (
    let prototype = Class.prototype as object;
    prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object
  ) {
    for (const [key, { value, get, set }] of ownMembers(prototype)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const called = `${name}#${String(key)}`;
      for (const [kind, run] of [
        ['', value],
        ['get ', get],
        ['set ', set],
      ] as const) {
        if (typeof run !== 'function') continue;
        const call: Entry['call'] = (self, args) => Reflect.apply(run as AnyFunction, self, args) as unknown;
        entries.push({ name: kind + called, receiver: name, call });
      }
    }
  }
  return entries;
}

function ownMembers(object: object): [string | symbol, PropertyDescriptor][] {
  const descriptors = Object.getOwnPropertyDescriptors(object) as Record<string | symbol, PropertyDescriptor>;
  return Reflect.ownKeys(descriptors).map((key) => [key, descriptors[key] as PropertyDescriptor]);
}
