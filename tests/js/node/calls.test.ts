// The module's functions are what web/src/wasm_module.ts says that they are.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { build } from '../builds.js';

const source = fileURLToPath(new URL('../../../web/src', import.meta.url));

interface Declared {
  parameters: number;
  gives: string;
  takesText: boolean;
}

/** The functions that an interface declares, its own and those of the interfaces that it extends. */
function declared(file: string, name: string): Map<string, Declared> {
  const tree = ts.createSourceFile(
    file,
    readFileSync(`${source}/${file}`, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const functions = new Map<string, Declared>();
  const types = new Map<string, ts.TypeNode>();
  for (const statement of tree.statements) {
    if (ts.isTypeAliasDeclaration(statement)) types.set(statement.name.text, statement.type);
    if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== name) continue;
    for (const member of statement.members) {
      let signature: ts.SignatureDeclaration | undefined;
      if (ts.isMethodSignature(member)) signature = member;
      if (ts.isPropertySignature(member)) {
        const type = types.get(member.type?.getText() ?? '');
        if (type && ts.isFunctionTypeNode(type)) signature = type;
      }
      if (!signature || !member.name) continue;
      functions.set(member.name.getText(), {
        parameters: signature.parameters.length,
        gives: signature.type?.getText() ?? 'void',
        takesText: signature.parameters.some(({ type }) => type?.getText() === 'string'),
      });
    }
  }
  return functions;
}

/** Not in the module's tables. */
const ADDED = ['terminate', 'roomForSeveral'];
/** Called by bind.ts alone, for texts. */
const FOR_TEXTS = ['makeRoomForText', 'textAddress', 'textSize'];

test('names, numbers of arguments and kinds of results', async () => {
  const tt = await build('simd');
  using x = new tt.Tensor([1]);
  const { module } = (x as unknown as { runtime: { module: Record<string, unknown> } }).runtime;
  const called = Object.entries(module).filter(([, value]) => typeof value === 'function');

  const all = new Map([
    ...declared('wasm_module.ts', 'WasmModule'),
    ...declared('operation_calls.ts', 'OperationCalls'),
  ]);
  expect(all.size).toBeGreaterThan(100);
  const names = called.map(([name]) => name).filter((name) => !FOR_TEXTS.includes(name));
  expect(names.sort()).toEqual([...all.keys()].sort());

  const isWasm = (value: unknown) => Function.prototype.toString.call(value).includes('[native code]');
  const straight = called.filter(([name, value]) => isWasm(value) && all.has(name) && !ADDED.includes(name));
  expect(straight.length).toBeGreaterThan(80);
  for (const [name, value] of straight) {
    const { parameters, gives, takesText } = all.get(name) as Declared;
    expect({ name, parameters: (value as { length: number }).length }).toEqual({ name, parameters });
    // Others are wrapped in JavaScript.
    expect({ name, gives, takesText }).toEqual({
      name,
      gives: expect.stringMatching(/^(number|void|Handle)$/) as string,
      takesText: false,
    });
  }
});
