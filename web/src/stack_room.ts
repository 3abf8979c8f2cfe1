// A function that fails where the stack has little room left.
//
// A call that runs out of stack in the middle leaves the module as no C++ function may leave it: locks held, lists half
// changed. So each call begins with this function (cpp/bindings/entry.h). Its frame is as large as any call can need.
// The engine sees to it that there is room for the frame, and throws its RangeError otherwise, before the call has
// changed anything. The function returns at once; that takes a nanosecond or two.

/** So many numbers of 8 bytes are in the frame. */
const NUMBERS = 4000;

const [I32, I64, FUNCTION] = [0x7f, 0x7e, 0x60];
const [IF, ELSE, END, CALL, LOCAL_GET, I64_LOAD, I64_CONST, I64_XOR] = [
  0x04, 0x05, 0x0b, 0x10, 0x20, 0x29, 0x42, 0x85,
];

let compiled: Promise<WebAssembly.Module> | undefined;

/** `room(0)` returns; any other argument is not meant to be given, but the engine must believe that it might. */
export async function stackRoom(): Promise<(zero: number) => unknown> {
  compiled ??= WebAssembly.compile(moduleBytes());
  const { exports } = await WebAssembly.instantiate(await compiled);
  return exports['room'] as (zero: number) => unknown;
}

/**
 * `(func $room (param i32) (result i64) ...)`: with an argument it loads many numbers, calls itself and only then uses
 * them, so that all of them are in the frame at once.
 */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const loads = Array.from({ length: NUMBERS }, (_, i) => [LOCAL_GET, 0, I64_LOAD, 3, ...unsigned(8 * i)]);
  const uses = new Array<number>(NUMBERS).fill(I64_XOR);
  const body = [
    ...[0, LOCAL_GET, 0, IF, I64],
    ...loads.flat(),
    ...[LOCAL_GET, 0, CALL, 0],
    ...uses,
    ...[ELSE, I64_CONST, 0, END, END],
  ];
  const code = [...unsigned(body.length), ...body];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, [1, FUNCTION, 1, I32, 1, I64]),
    ...section(3, [1, 0]), // one function of that type
    ...section(5, [1, 0, 1]), // a memory of one page
    ...section(7, [1, 4, ...new TextEncoder().encode('room'), 0, 0]),
    ...section(10, [1, ...code]),
  ]);
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
