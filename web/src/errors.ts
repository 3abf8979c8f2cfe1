// The one place where a mistake becomes a typed JavaScript error, whether the C++ library, this package or
// the network reported it.

import { ERROR_CODES } from './contract.js';

/** What kind of mistake an error reports; the same words for every build. */
export type ErrorCode = (typeof ERROR_CODES)[number] | 'internal' | 'disposed' | 'load';

/** The base of every error that this package throws. `code` is for programs, `message` for people. */
export class TinyTorchError extends Error {
  override readonly name: string = 'TinyTorchError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A value outside its domain: an axis out of range, a negative size, an option that does not exist. */
export class InvalidArgumentError extends TinyTorchError {
  override readonly name = 'InvalidArgumentError';
  constructor(message: string) {
    super('invalid_argument', message);
  }
}

/** Shapes that do not fit each other, a ragged nested array, data that does not fill its shape. */
export class ShapeError extends TinyTorchError {
  override readonly name = 'ShapeError';
  constructor(message: string) {
    super('shape', message);
  }
}

/** An element type that is unknown, that an operation does not take, or two that differ. */
export class DTypeError extends TinyTorchError {
  override readonly name = 'DTypeError';
  constructor(message: string) {
    super('dtype', message);
  }
}

/** No rung of the ladder has that name (`unknown_kernel`), or this build lacks it (`kernel_unavailable`). */
export class KernelError extends TinyTorchError {
  override readonly name = 'KernelError';
  constructor(code: 'unknown_kernel' | 'kernel_unavailable', message: string) {
    super(code, message);
  }
}

/** A size that does not fit into WebAssembly's 32-bit address space. */
export class OverflowError extends TinyTorchError {
  override readonly name = 'OverflowError';
  constructor(message: string) {
    super('overflow', message);
  }
}

/** The memory is used up. Everything made before stays usable; dispose of some of it and try again. */
export class OutOfMemoryError extends TinyTorchError {
  override readonly name = 'OutOfMemoryError';
  constructor(message: string) {
    super('out_of_memory', message);
  }
}

/** A gradient that cannot be computed: no graph, or one that was already freed. */
export class AutogradError extends TinyTorchError {
  override readonly name = 'AutogradError';
  constructor(message: string) {
    super('autograd', message);
  }
}

/** A file that is truncated or malformed; the text says where. */
export class FormatError extends TinyTorchError {
  override readonly name = 'FormatError';
  constructor(message: string) {
    super('io', message);
  }
}

/** A tensor or layer was used after `dispose()`, or after the `tidy` that made it. */
export class DisposedError extends TinyTorchError {
  override readonly name = 'DisposedError';
  constructor(message: string) {
    super('disposed', message);
  }
}

/** The WebAssembly module could not be loaded; the text names the address and what came from there. */
export class LoadError extends TinyTorchError {
  override readonly name = 'LoadError';
  constructor(message: string, options?: ErrorOptions) {
    super('load', message, options);
  }
}

/** The class for each code of the C++ library. */
const fromCode: Record<(typeof ERROR_CODES)[number], (message: string) => TinyTorchError> = {
  invalid_argument: (message) => new InvalidArgumentError(message),
  shape: (message) => new ShapeError(message),
  dtype: (message) => new DTypeError(message),
  unknown_kernel: (message) => new KernelError('unknown_kernel', message),
  kernel_unavailable: (message) => new KernelError('kernel_unavailable', message),
  overflow: (message) => new OverflowError(message),
  out_of_memory: (message) => new OutOfMemoryError(message),
  autograd: (message) => new AutogradError(message),
  io: (message) => new FormatError(message),
};

/**
 * The typed error for a number that the module reported.
 * @internal
 */
export function errorFromModule(number: number, message: string): TinyTorchError {
  const code = ERROR_CODES[number - 1];
  return code ? fromCode[code](message) : new TinyTorchError('internal', message);
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
