// A function that fails where the stack has little room left.
//
// A call that runs out of stack in the middle leaves the module as no C++ function may leave it: locks held, lists half
// changed. So each call begins with this function (cpp/bindings/entry.h). Its frame is as large as any call can need:
// that is some kilobytes, and 40 KB where a call is the first to use a function of JavaScript's, such as a clock. V8
// compiles those when they are first called, and refuses where less stack is left.
// The engine sees to it that there is room for the frame, and throws its RangeError otherwise, before the call has
// changed anything. The function returns at once; that takes a nanosecond or two.

import { encode } from './utf8.js';

/**
 * How many numbers of 8 bytes the frame holds: for one call, and for several that belong together. JavaScriptCore, of
 * Safari, needs about eight times as long to compile twice as many numbers, and its page waits: half a second for 1000,
 * minutes for 8000. It gets several frames, of functions that call one another, which take longer at each call.
 */
const FRAMES = isJavaScriptCore()
  ? { one: new Array<number>(8).fill(1000), several: new Array<number>(10).fill(1000) }
  : { one: [8000], several: [10_000] };

function isJavaScriptCore(): boolean {
  return Object.hasOwn(new Error(), 'line'); // its errors alone have the place where they were made, by this name
}

const [I32, I64, FUNCTION] = [0x7f, 0x7e, 0x60];
const [IF, ELSE, END, CALL, LOCAL_GET, I64_LOAD, I64_CONST, I64_XOR] = [
  0x04, 0x05, 0x0b, 0x10, 0x20, 0x29, 0x42, 0x85,
];

/** Returns for 0; any other argument is not meant to be given, but the engine must believe that it might. */
type Room = (zero: number) => unknown;

export interface StackRoom {
  /** What each call into the module begins with. */
  readonly one: Room;
  /**
   * What a function begins with whose first call into the module must not be left without its last: one that takes and
   * gives back, or switches over and back. It has room for what lies between.
   */
  readonly several: Room;
}

let compiled: Promise<WebAssembly.Module> | undefined;

export async function stackRoom(): Promise<StackRoom> {
  compiled ??= WebAssembly.compile(moduleBytes());
  const { exports } = await WebAssembly.instantiate(await compiled);
  return exports as unknown as StackRoom;
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const exported: number[][] = [];
  const bodies: number[][] = [];
  for (const [name, frames] of Object.entries(FRAMES)) {
    exported.push([name.length, ...encode(name), 0, bodies.length]);
    for (const [i, numbers] of frames.entries())
      bodies.push(body(numbers, bodies.length, i + 1 < frames.length));
  }
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, [1, FUNCTION, 1, I32, 1, I64]),
    ...section(3, [bodies.length, ...bodies.map(() => 0)]), // all of that type
    ...section(5, [1, 0, 2]), // a memory of two pages
    ...section(7, [exported.length, ...exported.flat()]),
    ...section(10, [bodies.length, ...bodies.flat()]),
  ]);
}

/**
 * `(func $room (param i32) (result i64) ...)`: with an argument it loads many numbers, calls itself and only then uses
 * them, so that all of them are in the frame at once. Without, it calls the next function where there is one.
 */
function body(numbers: number, self: number, callsNext: boolean): number[] {
  const loads = Array.from({ length: numbers }, (_, i) => [LOCAL_GET, 0, I64_LOAD, 3, ...unsigned(8 * i)]);
  const uses = new Array<number>(numbers).fill(I64_XOR);
  const code = [
    ...[0, LOCAL_GET, 0, IF, I64],
    ...loads.flat(),
    ...[LOCAL_GET, 0, CALL, self],
    ...uses,
    ...[ELSE, ...(callsNext ? [LOCAL_GET, 0, CALL, self + 1] : [I64_CONST, 0]), END, END],
  ];
  return [...unsigned(code.length), ...code];
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

/** LEB128 */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}
