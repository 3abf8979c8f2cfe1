// Written by scripts/generate.mjs from cpp/src/ops and cpp/bindings/contract.h: do not change it by hand.

import type { Handle } from './contract.js';

/** The operations as functions of the module. Shapes go through the exchange buffer. */
export interface OperationCalls {
  add(a: Handle, other: Handle, out: Handle): Handle;
  sub(a: Handle, other: Handle, out: Handle): Handle;
  mul(a: Handle, other: Handle, out: Handle): Handle;
  div(a: Handle, other: Handle, out: Handle): Handle;
  pow(a: Handle, other: Handle, out: Handle): Handle;
  maximum(a: Handle, other: Handle, out: Handle): Handle;
  neg(a: Handle, out: Handle): Handle;
  abs(a: Handle, out: Handle): Handle;
  exp(a: Handle, out: Handle): Handle;
  log(a: Handle, out: Handle): Handle;
  sqrt(a: Handle, out: Handle): Handle;
  relu(a: Handle, out: Handle): Handle;
  sigmoid(a: Handle, out: Handle): Handle;
  tanh(a: Handle, out: Handle): Handle;
  gelu(a: Handle, out: Handle): Handle;
  softmax(a: Handle, dim: number, out: Handle): Handle;
  logSoftmax(a: Handle, dim: number, out: Handle): Handle;
  sum(a: Handle, everything: boolean, dim: number, keepdim: boolean, out: Handle): Handle;
  mean(a: Handle, everything: boolean, dim: number, keepdim: boolean, out: Handle): Handle;
  max(a: Handle, everything: boolean, dim: number, keepdim: boolean, out: Handle): Handle;
  argmax(a: Handle, everything: boolean, dim: number, keepdim: boolean, out: Handle): Handle;
  matmul(a: Handle, other: Handle, kernel: number, out: Handle): Handle;
  mseLoss(a: Handle, target: Handle, reduction: number): Handle;
  crossEntropy(a: Handle, labels: Handle, reduction: number): Handle;
  binaryCrossEntropy(a: Handle, target: Handle, reduction: number): Handle;
  reshape(a: Handle, ndim: number): Handle;
  transpose(a: Handle, dim0: number, dim1: number): Handle;
  slice(a: Handle, dim: number, start: number, stop: number, step: number): Handle;
  expand(a: Handle, ndim: number): Handle;
  clone(a: Handle): Handle;
  to(a: Handle, dtype: number): Handle;
}
