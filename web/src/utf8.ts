// Texts as bytes. Test runners that play a browser in Node (jsdom) lack its classes for that: Node's own are taken there.

import { nodeModule } from './node.js';

const { TextDecoder: Decoder, TextEncoder: Encoder } =
  typeof TextDecoder === 'undefined' ? (nodeModule('node:util') as unknown as typeof globalThis) : globalThis;

export function encode(text: string): Uint8Array {
  return Uint8Array.from(new Encoder().encode(text)); // of this realm
}

/** `stream`: a character that the end divides is left out. A byte-order mark is part of the text. */
export function decode(bytes: Uint8Array, options?: { stream: boolean }): string {
  return new Decoder('utf-8', { ignoreBOM: true }).decode(bytes, options);
}
