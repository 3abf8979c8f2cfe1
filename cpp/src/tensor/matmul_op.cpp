#include <string>

#include "check.h"
#include "dispatch.h"
#include "strided_loop.h"
#include "tinytorch/ops.h"

namespace tinytorch {

namespace detail {

namespace {

/// The leading axes, without the matrix.
Dims batch_of(const Dims& dims) { return Dims(std::span(dims.begin(), dims.size() - 2)); }

Tensor as_matrices(const Tensor& a, std::int64_t axis) {
  if (a.ndim() > 1) return a;
  return a.reshape(axis == 0 ? Shape{1, a.numel()} : Shape{a.numel(), 1});
}

/// The operands as stacks of matrices with a common batch shape.
struct Product {
  Tensor a, b;
  Shape batch;
  std::int64_t m, n, k;
  Shape result;
};

Product describe(const Tensor& a, const Tensor& b) {
  require_same_floating(a, b, "matmul");
  if (a.ndim() == 0 || b.ndim() == 0) {
    fail(ErrorCode::shape,
         {"matmul: operands need at least one axis: a is ", to_string(a.shape()), ", b is ", to_string(b.shape())});
  }
  Product p{as_matrices(a, 0), as_matrices(b, 1), {}, 0, 0, 0, {}};
  p.m = p.a.size(-2);
  p.k = p.a.size(-1);
  p.n = p.b.size(-1);
  if (p.b.size(-2) != p.k) {
    fail(ErrorCode::shape,
         {"matmul: inner dimensions differ: a is ", to_string(a.shape()), ", b is ", to_string(b.shape())});
  }
  if (p.a.ndim() > 2 || p.b.ndim() > 2) {
    const Shape x = batch_of(p.a.shape()), y = batch_of(p.b.shape());
    p.batch = broadcast_shapes(x, y, "matmul: leading axes");
  }
  p.result = p.batch;
  if (a.ndim() > 1) p.result.push_back(p.m);
  if (b.ndim() > 1) p.result.push_back(p.n);
  return p;
}

void require_bias(const Tensor& bias, const Product& p) {
  require_same_floating(p.a, bias, "matmul: bias");
  if (bias.shape() != Shape{p.n}) {
    fail(ErrorCode::shape, {"matmul: bias is ", to_string(bias.shape()), ", needs ", to_string({p.n})});
  }
}

/// out as [batch, m, n] with rows that a kernel can write.
Tensor stacked(const Tensor& out, const Product& p) {
  Shape shape = p.batch;
  shape.push_back(p.m);
  shape.push_back(p.n);
  return out.shape() == shape ? out : out.reshape(shape);
}

template <class T>
void run(const Product& p, Tensor& out, const ops::MatmulOptions& options) {
  const Tensor bias = options.bias ? options.bias->contiguous() : Tensor();
  MatmulArgs<T> args;
  args.m = static_cast<std::size_t>(p.m);
  args.n = static_cast<std::size_t>(p.n);
  args.k = static_cast<std::size_t>(p.k);
  const std::size_t i = p.a.ndim() - 2, j = p.b.ndim() - 2;
  args.a_row = static_cast<std::ptrdiff_t>(p.a.strides()[i]);
  args.a_col = static_cast<std::ptrdiff_t>(p.a.strides()[i + 1]);
  args.b_row = static_cast<std::ptrdiff_t>(p.b.strides()[j]);
  args.b_col = static_cast<std::ptrdiff_t>(p.b.strides()[j + 1]);
  args.bias = bias.defined() ? bias.data<T>() : nullptr;
  args.activation = options.activation;
  args.accumulate = options.accumulate;
  const T *a = p.a.data<T>(), *b = p.b.data<T>();
  Tensor target = stacked(out, p);
  T* c = target.mutable_data<T>();
  args.c_row = static_cast<std::ptrdiff_t>(target.strides()[p.batch.size()]);
  if (p.batch.empty()) {
    args.a = a;
    args.b = b;
    args.c = c;
    return matmul(args, options.kernel);
  }
  if (p.b.ndim() == 2 && p.a.is_contiguous() && target.is_contiguous()) {
    // One matrix for the whole stack: a single tall product.
    args.a = a;
    args.b = b;
    args.c = c;
    args.m = static_cast<std::size_t>(target.numel() / std::max<std::int64_t>(p.n, 1));
    return matmul(args, options.kernel);
  }
  if (numel(p.batch) == 0) return;
  const auto batch_strides = [&](const Tensor& t) {
    Shape full = p.batch;
    full.push_back(t.size(-2));
    full.push_back(t.size(-1));
    return batch_of(t.expand(full).strides());
  };
  const Strides sc = batch_strides(target), sa = batch_strides(p.a), sb = batch_strides(p.b);
  const LoopNest nest = make_loop_nest(p.batch, {&sc, &sa, &sb});
  for_rows(nest, 0, nest.rows(), [&](const Offsets& offset) {
    for (std::int64_t r = 0; r < nest.row_length(); ++r) {
      args.c = c + offset[0] + r * nest.row_step(0);
      args.a = a + offset[1] + r * nest.row_step(1);
      args.b = b + offset[2] + r * nest.row_step(2);
      matmul(args, options.kernel);
    }
  });
}

}  // namespace

}  // namespace detail

namespace ops {

Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options) {
  const detail::Product p = detail::describe(a, b);
  if (options.bias) detail::require_bias(*options.bias, p);
  if (options.accumulate && options.out == nullptr) {
    detail::fail(ErrorCode::invalid_argument, {"matmul: accumulate needs out, the tensor that is added to"});
  }
  Tensor out;
  Tensor result;  // what the kernels write: out, or a dense stand-in where out's columns have gaps
  if (options.out == nullptr) {
    out = result = Tensor::empty(p.result, a.dtype());
  } else {
    out = *options.out;
    detail::require_out(out, p.result, a.dtype(), "matmul");
    if (detail::may_overlap(out, a) || detail::may_overlap(out, b) ||
        (options.bias && detail::may_overlap(out, *options.bias))) {
      detail::fail(ErrorCode::invalid_argument, {"matmul: out shares memory with an operand"});
    }
    const bool dense_rows = out.is_contiguous() || (a.ndim() > 1 && b.ndim() > 1 && out.strides()[out.ndim() - 1] == 1);
    result = dense_rows ? out : options.accumulate ? out.clone() : Tensor::empty(p.result, a.dtype());
  }
  detail::for_floating(a.dtype(), [&]<class T>() { detail::run<T>(p, result, options); });
  if (result.impl() != out.impl()) out.copy_from(result);
  return out;
}

}  // namespace ops

}  // namespace tinytorch
