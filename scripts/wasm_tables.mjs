// What split_module.mjs does to the function table. In a module that wasm-split has cut, the main table leads to a
// function of a part by a detour: its entry is a function of the core that does nothing but call that function through
// the part's own table. JavaScript calls through the main table, and so do the loops over rows. So each part is given an
// element segment more, for the main table, which puts its functions in the place of those detours when the part is
// instantiated. Numbers and sections are those of the WebAssembly core specification, chapter 5 (binary format).

const SECTION = { custom: 0, import: 2, export: 7, element: 9, code: 10 };
const [FUNCTION, TABLE] = [0, 1]; // kinds of imports and exports; 2 to 4: memory, global, tag
const OP = { end: 0x0b, call_indirect: 0x11, local_get: 0x20, i32_const: 0x41 };

/** `part` with the segment; `core` is the file that it was cut from. Both are the bytes of a module. */
export function withEntriesOfMainTable(core, part) {
  const tables = exportedTables(core);
  const imported = importsOf(part);
  const main = imported.tables.findIndex((name) => tables.get(name) === 0);
  // A part that calls nothing by pointer does not know the main table; the ladder is such a one, and called rarely.
  if (main < 0) return part;
  const elements = sectionOf(part, SECTION.element);
  const [functions, ...others] = segmentsOf(elements);
  if (others.length > 0) throw new Error('wasm-split gave a part several table segments');
  const own = tables.get(imported.tables[functions.table]);
  const entries = detours(core)
    .filter(({ table }) => table === own)
    .map(({ at, entry }) => {
      const index = functions.entries[entry - functions.offset];
      if (index === undefined) throw new Error(`a part has no function for entry ${entry} of its table`);
      return { at, function: index };
    });

  const writer = [];
  let runs = 0;
  for (let i = 0; i < entries.length; ++runs) {
    let end = i + 1;
    while (end < entries.length && entries[end].at === entries[end - 1].at + 1) ++end;
    writer.push(
      2,
      ...unsigned(main),
      OP.i32_const,
      ...signed(entries[i].at),
      OP.end,
      0,
      ...unsigned(end - i),
    );
    for (; i < end; ++i) writer.push(...unsigned(entries[i].function));
  }
  const before = new Reader(elements);
  const count = before.unsigned();
  const content = [...unsigned(count + runs), ...elements.subarray(before.at), ...writer];
  const { start, end } = locate(part, SECTION.element);
  return Buffer.concat([
    part.subarray(0, start),
    Buffer.from([SECTION.element, ...unsigned(content.length), ...content]),
    part.subarray(end),
  ]);
}

/** A module with a custom section more, of that name and content. */
export function withCustomSection(module, name, text) {
  const content = Buffer.from([
    ...unsigned(Buffer.byteLength(name)),
    ...Buffer.from(name),
    ...Buffer.from(text),
  ]);
  return Buffer.concat([module, Buffer.from([SECTION.custom, ...unsigned(content.length)]), content]);
}

/** The entries of the main table that are detours: where they stand, and to which entry of which table they lead. */
function detours(core) {
  const bodies = new Reader(sectionOf(core, SECTION.code));
  const targets = bodies.list(() => target(bodies.bytes(bodies.unsigned())));
  const { functions: imported } = importsOf(core);
  const [{ offset, entries }] = segmentsOf(sectionOf(core, SECTION.element));
  return entries.flatMap((index, i) => {
    const leadsTo = targets[index - imported];
    return leadsTo ? [{ at: offset + i, ...leadsTo }] : [];
  });
}

/** The table and entry that a function calls, if it does nothing else than to pass its arguments on. */
function target(body) {
  const reader = new Reader(body);
  if (reader.unsigned() !== 0) return undefined; // it has local variables
  for (let argument = 0; body[reader.at] === OP.local_get; ++argument) {
    reader.at += 1;
    if (reader.unsigned() !== argument) return undefined;
  }
  if (body[reader.at++] !== OP.i32_const) return undefined;
  const entry = reader.signed();
  if (body[reader.at++] !== OP.call_indirect) return undefined;
  reader.unsigned(); // the type
  const table = reader.unsigned();
  return table > 0 && body[reader.at] === OP.end && reader.at === body.length - 1
    ? { table, entry }
    : undefined;
}

/** The segments of an element section up to the first that is written with expressions: wasm-split's null entries. */
function segmentsOf(section) {
  const reader = new Reader(section);
  const segments = [];
  for (let count = reader.unsigned(); count > 0; --count) {
    const flags = reader.unsigned();
    if (flags !== 0 && flags !== 2) break;
    const table = flags === 2 ? reader.unsigned() : 0;
    if (section[reader.at++] !== OP.i32_const)
      throw new Error('a table segment does not begin at a constant');
    const offset = reader.signed();
    reader.at += flags === 2 ? 2 : 1; // the end of the expression, the kind
    segments.push({ table, offset, entries: reader.list(() => reader.unsigned()) });
  }
  if (segments.length === 0) throw new Error('no table segment of function indices');
  return segments;
}

function exportedTables(module) {
  const reader = new Reader(sectionOf(module, SECTION.export));
  const exports = reader.list(() => [reader.text(), reader.byte(), reader.unsigned()]);
  return new Map(exports.filter(([, kind]) => kind === TABLE).map(([name, , index]) => [name, index]));
}

/** The number of imported functions, and the names of the imported tables. */
function importsOf(module) {
  const reader = new Reader(sectionOf(module, SECTION.import));
  const skipLimits = () => {
    const hasMaximum = reader.byte() & 1;
    reader.unsigned();
    if (hasMaximum) reader.unsigned();
  };
  const skipDescription = [
    () => reader.unsigned(), // a function: its type
    () => (reader.byte(), skipLimits()), // a table: the type of its entries, and its limits
    skipLimits, // a memory
    () => (reader.byte(), reader.byte()), // a global: its type, and whether it can be set
    () => (reader.byte(), reader.unsigned()), // a tag: its attribute, its type
  ];
  const imports = reader.list(() => {
    reader.text(); // the namespace
    const name = reader.text();
    const kind = reader.byte();
    skipDescription[kind]();
    return { name, kind };
  });
  return {
    functions: imports.filter(({ kind }) => kind === FUNCTION).length,
    tables: imports.filter(({ kind }) => kind === TABLE).map(({ name }) => name),
  };
}

function locate(module, id) {
  const reader = new Reader(module);
  reader.at = 8; // after magic number and version
  while (reader.at < module.length) {
    const start = reader.at;
    const found = reader.byte();
    const length = reader.unsigned();
    const content = reader.at;
    reader.at += length;
    if (found === id) return { start, content, end: reader.at };
  }
  throw new Error(`the module has no section ${id}`);
}

function sectionOf(module, id) {
  const { content, end } = locate(module, id);
  return module.subarray(content, end);
}

/** Numbers are LEB128: seven bits a byte, the lowest first, the top bit set in all bytes but the last. */
class Reader {
  at = 0;
  #bytes;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  byte() {
    return this.#bytes[this.at++];
  }

  bytes(count) {
    return this.#bytes.subarray(this.at, (this.at += count));
  }

  unsigned() {
    return Number(this.#number().value);
  }

  signed() {
    const { value, bits } = this.#number();
    return Number(BigInt.asIntN(bits, value));
  }

  text() {
    return new TextDecoder().decode(this.bytes(this.unsigned()));
  }

  list(read) {
    return Array.from({ length: this.unsigned() }, read);
  }

  #number() {
    for (let value = 0n, bits = 0; ;) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(bits);
      bits += 7;
      if (byte < 0x80) return { value, bits };
    }
  }
}

function unsigned(number) {
  return number < 0x80 ? [number] : [(number & 0x7f) | 0x80, ...unsigned(number >>> 7)];
}

/** Of a number that is not negative: its top bit must not be taken for a sign. */
function signed(number) {
  return number < 0x40 ? [number] : [(number & 0x7f) | 0x80, ...signed(number >>> 7)];
}
