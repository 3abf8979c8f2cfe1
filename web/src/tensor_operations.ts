// Written by scripts/generate.mjs from cpp/src/ops and cpp/bindings/contract.h: do not change it by hand.

import { dtypeCode } from './arrays.js';
import { onlyOption, whole } from './check.js';
import { AUTO_KERNEL } from './contract.js';
import { axis, binary, made, type Out, reduce, type Reduce, resultOf, unary } from './operations.js';
import { outHandle, ownHandle, TensorHandle, tensorHandle } from './tensor_handle.js';
import type { DType, Shape } from './types.js';

/** The operations of a tensor class. Where the second operand may be a number, it is one of the tensor's dtype. */
export abstract class TensorOperations<Tensor extends TensorHandle> extends TensorHandle {
  /** The type of its elements. */
  abstract get dtype(): DType;

  /** this + other */
  add(other: Tensor | number, options?: Out<Tensor>): Tensor {
    return binary<Tensor>(this, 'add', other, options);
  }

  /** this - other */
  sub(other: Tensor | number, options?: Out<Tensor>): Tensor {
    return binary<Tensor>(this, 'sub', other, options);
  }

  /** this * other, element by element */
  mul(other: Tensor | number, options?: Out<Tensor>): Tensor {
    return binary<Tensor>(this, 'mul', other, options);
  }

  /** this / other */
  div(other: Tensor | number, options?: Out<Tensor>): Tensor {
    return binary<Tensor>(this, 'div', other, options);
  }

  /** this to the power of other. Gradients as in PyTorch: that of x^0 is 0 everywhere. */
  pow(other: Tensor | number, options?: Out<Tensor>): Tensor {
    return binary<Tensor>(this, 'pow', other, options);
  }

  /** The larger of this and other; NaN wins. Of equals, half the gradient goes to each. */
  maximum(other: Tensor | number, options?: Out<Tensor>): Tensor {
    return binary<Tensor>(this, 'maximum', other, options);
  }

  /** -this */
  neg(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'neg', options);
  }

  /** |this|; gradient 0 at 0 */
  abs(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'abs', options);
  }

  /** e to the power of this */
  exp(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'exp', options);
  }

  /** The natural logarithm. */
  log(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'log', options);
  }

  /** The square root; its gradient at 0 is infinite. */
  sqrt(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'sqrt', options);
  }

  /** max(this, 0); NaN stays NaN; gradient 0 at 0 */
  relu(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'relu', options);
  }

  /** 1 / (1 + exp(-this)) */
  sigmoid(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'sigmoid', options);
  }

  /** The hyperbolic tangent. */
  tanh(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'tanh', options);
  }

  /** this (1 + erf(this / sqrt 2)) / 2 */
  gelu(options?: Out<Tensor>): Tensor {
    return unary<Tensor>(this, 'gelu', options);
  }

  /** exp(this) / sum(exp(this)) along `dim`, computed so that nothing overflows. */
  softmax(dim = -1, options?: Out<Tensor>): Tensor {
    axis(dim, 'softmax', 'dim');
    const out = onlyOption(options, 'out', 'softmax');
    const a = ownHandle(this, 'softmax');
    const { runtime } = this;
    return resultOf<Tensor>(runtime, runtime.module.softmax(a, dim, outHandle(runtime, out, 'softmax')), out);
  }

  /** The logarithm of softmax. */
  logSoftmax(dim = -1, options?: Out<Tensor>): Tensor {
    axis(dim, 'logSoftmax', 'dim');
    const out = onlyOption(options, 'out', 'logSoftmax');
    const a = ownHandle(this, 'logSoftmax');
    const { runtime } = this;
    return resultOf<Tensor>(
      runtime,
      runtime.module.logSoftmax(a, dim, outHandle(runtime, out, 'logSoftmax')),
      out,
    );
  }

  /** The sum, of all elements or along one axis. */
  sum(options?: Reduce<Tensor>): Tensor {
    return reduce<Tensor>(this, 'sum', options);
  }

  /** The mean, of all elements or along one axis; NaN of none. */
  mean(options?: Reduce<Tensor>): Tensor {
    return reduce<Tensor>(this, 'mean', options);
  }

  /**
   * The largest element; NaN wins. Throws `ShapeError` over an axis of size 0. Along `dim` the gradient
   * goes to the first of equals, without `dim` it is shared evenly among all equals, as in PyTorch.
   */
  max(options?: Reduce<Tensor>): Tensor {
    return reduce<Tensor>(this, 'max', options);
  }

  /** The place of the largest element, the first of equals, as int32. */
  argmax(options?: Reduce<Tensor>): Tensor {
    return reduce<Tensor>(this, 'argmax', options);
  }

  /**
   * The matrix product: `[..., m, k] . [..., k, n]` gives `[..., m, n]`, as NumPy's matmul.
   * One-dimensional operands are a row on the left and a column on the right. Transposed operands cost no
   * copy.
   */
  matmul(other: Tensor, options?: Out<Tensor>): Tensor {
    const out = onlyOption(options, 'out', 'matmul');
    const a = ownHandle(this, 'matmul');
    const { runtime } = this;
    const otherAt = tensorHandle(runtime, other, 'matmul');
    return resultOf<Tensor>(
      runtime,
      runtime.module.matmul(a, otherAt, AUTO_KERNEL, outHandle(runtime, out, 'matmul')),
      out,
    );
  }

  /**
   * The same elements in another shape; one size may be -1. Copies only where strides leave no other way.
   */
  reshape(shape: Shape): Tensor {
    ownHandle(this, 'reshape');
    const sizes = this.runtime.readShape(shape, 'reshape', -1);
    const a = ownHandle(this, 'reshape');
    const { runtime } = this;
    return made<Tensor>(runtime, runtime.module.reshape(a, runtime.sendSizes(sizes)));
  }

  /** Exchanges two axes, by default the last two. Copies nothing. */
  transpose(dim0 = -2, dim1 = -1): Tensor {
    axis(dim0, 'transpose', 'dim0');
    axis(dim1, 'transpose', 'dim1');
    const a = ownHandle(this, 'transpose');
    const { runtime } = this;
    return made<Tensor>(runtime, runtime.module.transpose(a, dim0, dim1));
  }

  /**
   * Elements `start`, `start + step`, ... below `stop` of one axis, as a view. Negative places count from
   * the end; `Infinity` as `stop`, like none, means to the end.
   */
  slice(dim: number, start: number, stop = Infinity, step = 1): Tensor {
    axis(dim, 'slice', 'dim');
    whole(start, 'slice', 'start');
    if (stop !== Infinity) whole(stop, 'slice', 'stop');
    whole(step, 'slice', 'step', 1);
    const a = ownHandle(this, 'slice');
    const { runtime } = this;
    return made<Tensor>(runtime, runtime.module.slice(a, dim, start, stop, step));
  }

  /** The tensor broadcast to a larger shape, as a view: axes of size 1 are repeated. */
  expand(shape: Shape): Tensor {
    ownHandle(this, 'expand');
    const sizes = this.runtime.readShape(shape, 'expand');
    const a = ownHandle(this, 'expand');
    const { runtime } = this;
    return made<Tensor>(runtime, runtime.module.expand(a, runtime.sendSizes(sizes)));
  }

  /** A row-major copy that shares nothing. */
  clone(): Tensor {
    const a = ownHandle(this, 'clone');
    const { runtime } = this;
    return made<Tensor>(runtime, runtime.module.clone(a));
  }

  /**
   * A copy with another element type; shares the elements where the type is that already. Between float
   * types the gradient is converted back; an integer type ends it. Floats become integers towards zero,
   * held at the type's limits, NaN becomes 0; int32 becomes uint8 by its low 8 bits.
   */
  to(dtype: DType): Tensor {
    const a = ownHandle(this, 'to');
    const { runtime } = this;
    return made<Tensor>(runtime, runtime.module.to(a, dtypeCode(dtype, 'to')));
  }
}
