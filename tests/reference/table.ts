// Written by scripts/generate.mjs from cpp/src/ops and cpp/bindings/contract.h: do not change it by hand.

/** Where an operation is smooth, which is good for tests. */
export const UNARY_OPERATIONS = {
  neg: { lowest: -3, highest: 3 },
  abs: { lowest: -3, highest: 3 },
  exp: { lowest: -3, highest: 3 },
  log: { lowest: 0.5, highest: 3 },
  sqrt: { lowest: 0.5, highest: 3 },
  relu: { lowest: -3, highest: 3 },
  sigmoid: { lowest: -3, highest: 3 },
  tanh: { lowest: -3, highest: 3 },
  gelu: { lowest: -3, highest: 3 },
};
export const BINARY_OPERATIONS = {
  add: { lowest: -3, highest: 3 },
  sub: { lowest: -3, highest: 3 },
  mul: { lowest: -3, highest: 3 },
  div: { lowest: 0.5, highest: 3 },
  pow: { lowest: 0.5, highest: 3 },
  maximum: { lowest: -3, highest: 3 },
};
