// Matrix products of tensors: the checks, and the call of the kernels.
#include "ops/product.h"

#include <algorithm>

#include "matmul/plan.h"
#include "matmul/registry.h"
#include "tensor/check.h"
#include "tensor/dispatch.h"
#include "tensor/storage.h"
#include "tensor/strided_loop.h"
#include "tensor/views.h"

namespace tinytorch {

namespace detail {

namespace {

/// The leading axes, without the matrix.
Dims batch_of(const Dims& dims) { return Dims(std::span(dims.begin(), dims.size() - 2)); }

/// An operand as a stack of matrices: the tensor itself, or a view of a vector as a row (axis 0) or a column (axis 1).
/// Holds a reference to a tensor that is used as it is: a copy would take a tenth of the time of a small product.
class MatrixStack {
 public:
  MatrixStack(const Tensor& given, std::int64_t axis) : given_(given) {
    if (given.ndim() <= 1) view_ = reshaped(given, axis == 0 ? Shape{1, given.numel()} : Shape{given.numel(), 1});
  }
  const Tensor* operator->() const { return view_.defined() ? &view_ : &given_; }
  const Tensor& operator*() const { return *operator->(); }

 private:
  const Tensor& given_;
  Tensor view_;
};

/// The operands as stacks of matrices with a common batch shape.
struct Product {
  MatrixStack a, b;
  Shape batch;
  std::int64_t m, n, k;
  Shape result;
};

Product make_product(const Tensor& a, const Tensor& b) {
  require_same_dtype(a, b, kMatmulOp);
  if (a.ndim() == 0 || b.ndim() == 0) {
    fail(ErrorCode::shape, {"matmul: operands need at least one axis: a is ", a.shape(), ", b is ", b.shape()});
  }
  Product p{{a, 0}, {b, 1}, {}, 0, 0, 0, {}};
  p.m = p.a->size(-2);
  p.k = p.a->size(-1);
  p.n = p.b->size(-1);
  if (p.b->size(-2) != p.k) {
    fail(ErrorCode::shape, {"matmul: inner dimensions differ: a is ", a.shape(), ", b is ", b.shape()});
  }
  if (p.a->ndim() > 2 || p.b->ndim() > 2) {
    const Shape x = batch_of(p.a->shape()), y = batch_of(p.b->shape());
    p.batch = broadcast_shapes(x, y, "matmul: leading axes");
  }
  p.result = p.batch;
  if (a.ndim() > 1) p.result.push_back(p.m);
  if (b.ndim() > 1) p.result.push_back(p.n);
  return p;
}

void require_bias(const Tensor& bias, const Product& p) {
  require_same_dtype(*p.a, bias, {"matmul: bias", kMatmulOp.dtypes});
  if (bias.shape() != Shape{p.n}) {
    fail(ErrorCode::shape, {"matmul: bias is ", bias.shape(), ", needs ", Shape{p.n}});
  }
}

/// The kernels' arguments for the product of the first matrices of stacks, with `rows` rows of A.
template <class T>
KernelArgs<T> arguments(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor* bias,
                        const ops::MatmulOptions& options, std::int64_t rows) {
  const auto first = [](const TensorImpl& t) { return reinterpret_cast<T*>(t.bytes()); };
  const auto stride = [](const TensorImpl& t, std::size_t axis) {
    return static_cast<std::ptrdiff_t>(t.strides[t.strides.size() - axis]);
  };
  const TensorImpl &x = *a.impl(), &y = *b.impl(), &z = *c.impl();
  KernelArgs<T> args;
  args.m = static_cast<std::size_t>(rows);
  args.n = static_cast<std::size_t>(y.shape[y.shape.size() - 1]);
  args.k = static_cast<std::size_t>(y.shape[y.shape.size() - 2]);
  args.c = first(z);
  args.a = first(x);
  args.b = first(y);
  args.c_row = stride(z, 2);
  args.a_row = stride(x, 2);
  args.a_col = stride(x, 1);
  args.b_row = stride(y, 2);
  args.b_col = stride(y, 1);
  args.bias = bias ? first(*bias->impl()) : nullptr;
  args.activation = options.activation;
  args.accumulate = options.accumulate;
  args.packed_b = options.panels ? options.panels->data<T>() : nullptr;
  return args;
}
template <class T>
void multiply(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor* bias, const ops::MatmulOptions& options,
              std::int64_t rows, const Batch* batch = nullptr) {
  KernelArgs<T> args = arguments<T>(a, b, c, bias, options, rows);
  matmul(args, options.kernel, batch);
}

Strides batch_strides(const Tensor& t, const Product& p) {
  Shape full = p.batch;
  full.push_back(t.size(-2));
  full.push_back(t.size(-1));
  return batch_of(expanded(t, full).strides());
}

/// The products of a stack, its operands broadcast. In the loop nest, operand 0 is C, 1 is A and 2 is B.
Batch batch_of_products(const Product& p, const Tensor& c) {
  const Strides sc = batch_strides(c, p), sa = batch_strides(*p.a, p), sb = batch_strides(*p.b, p);
  const LoopNest nest = make_loop_nest(p.batch, {&sc, &sa, &sb});
  Batch batch;
  static_assert(Batch::kMaxAxes + 2 >= Dims::kMaxRank);
  batch.axes = nest.axes;
  for (std::size_t axis = 0; axis < nest.axes; ++axis) {
    batch.sizes[axis] = static_cast<std::size_t>(nest.size[axis]);
    batch.c[axis] = static_cast<std::ptrdiff_t>(nest.stride[0][axis]);
    batch.a[axis] = static_cast<std::ptrdiff_t>(nest.stride[1][axis]);
    batch.b[axis] = static_cast<std::ptrdiff_t>(nest.stride[2][axis]);
  }
  return batch;
}

/// Whether B is one matrix for the whole stack and A is contiguous. If C is, too, this is a single tall product.
bool is_one_tall_product(const Product& p) { return p.b->ndim() == 2 && p.a->is_contiguous(); }

/// Runs the products. `c` is C as [batch, m, n], with rows that a kernel can write.
void run_stacked(const Product& p, const Tensor& c, const ops::MatmulOptions& options) {
  const Tensor bias = options.bias ? row_major(*options.bias) : Tensor();
  const Tensor* const bias_or_none = bias.defined() ? &bias : nullptr;
  ++c.impl()->storage->version;
  for_floating(c.dtype(), [&]<class T>() {
    if (p.batch.empty()) return multiply<T>(*p.a, *p.b, c, bias_or_none, options, p.m);
    if (is_one_tall_product(p) && c.is_contiguous()) {
      const std::int64_t rows = c.numel() / std::max<std::int64_t>(p.n, 1);
      return multiply<T>(*p.a, *p.b, c, bias_or_none, options, rows);
    }
    if (numel(p.batch) == 0) return;
    const Batch batch = batch_of_products(p, c);
    multiply<T>(*p.a, *p.b, c, bias_or_none, options, p.m, &batch);
  });
}

/// The usual case: the product of two matrices goes straight into a third. It needs no stack, no broadcasting and no
/// new shape, which would take longer than a small product. Returns false, with nothing done, for every other case,
/// errors included.
bool run_plain(const Tensor& a, const Tensor& b, const Tensor& out, const ops::MatmulOptions& options) {
  const TensorImpl *x = a.impl().get(), *y = b.impl().get(), *c = out.impl().get();
  if (!x || !y || !c || options.bias) return false;
  if (x->shape.size() != 2 || y->shape.size() != 2 || c->shape.size() != 2) return false;
  if (!is_floating(x->dtype) || y->dtype != x->dtype || c->dtype != x->dtype) return false;
  if (x->shape[1] != y->shape[0] || c->shape[0] != x->shape[0] || c->shape[1] != y->shape[1]) return false;
  if (!c->contiguous || c->storage == x->storage || c->storage == y->storage) return false;
  if (c->gradient) return false;  // may be a recorded result
  ++c->storage->version;
  for_floating(x->dtype, [&]<class T>() { multiply<T>(a, b, out, nullptr, options, x->shape[0]); });
  return true;
}

void run(const Product& p, const Tensor& out, const ops::MatmulOptions& options) {
  if (out.ndim() == p.batch.size() + 2) return run_stacked(p, out, options);
  Shape shape = p.batch;
  shape.push_back(p.m);
  shape.push_back(p.n);
  run_stacked(p, reshaped(out, shape), options);
}

}  // namespace

Tensor product(const Tensor& a, const Tensor& b, const ops::MatmulOptions& options) {
  const Product p = make_product(a, b);
  if (options.bias) require_bias(*options.bias, p);
  if (options.accumulate) {
    fail(ErrorCode::invalid_argument, {"matmul: accumulate needs out, the tensor that is added to"});
  }
  Tensor result = Tensor::empty(p.result, a.dtype());
  run(p, result, options);
  return result;
}

void product_into(Tensor& out, const Tensor& a, const Tensor& b, const ops::MatmulOptions& options) {
  if (run_plain(a, b, out, options)) return;
  const Product p = make_product(a, b);
  if (options.bias) require_bias(*options.bias, p);
  require_out(out, p.result, a.dtype(), "matmul");
  if (may_overlap(out, a) || may_overlap(out, b) || (options.bias && may_overlap(out, *options.bias))) {
    fail(ErrorCode::invalid_argument, {"matmul: out shares memory with an operand"});
  }
  const bool dense_rows = out.is_contiguous() || (a.ndim() > 1 && b.ndim() > 1 && out.strides()[out.ndim() - 1] == 1);
  if (dense_rows) {
    run(p, out, options);
  } else {
    const Tensor dense = options.accumulate ? copied(out) : Tensor::empty(p.result, a.dtype());
    run(p, dense, options);
    out.copy_from(dense);
  }
}

}  // namespace detail

std::string ops::explain_matmul(const Tensor& a, const Tensor& b, KernelId kernel) {
  const detail::Product p = detail::make_product(a, b);
  if (kernel != kAutoKernel) detail::require_kernel(kernel);
  Shape stacked = p.batch;
  stacked.push_back(p.m);
  stacked.push_back(p.n);
  if (numel(stacked) == 0) return "nothing: the result has no elements\n";
  if (p.k == 0) return "zeros: the sums have no terms\n";
  // Takes the place of C, which is not written: it has C's shape, but only one element in memory.
  const Tensor c = detail::expanded(Tensor::zeros({1}, a.dtype()), stacked);
  const bool is_stack = !p.batch.empty() && !detail::is_one_tall_product(p);
  const std::int64_t rows = is_stack ? p.m : numel(stacked) / p.n;
  return detail::for_floating(a.dtype(), [&]<class T>() {
    const auto args = detail::arguments<T>(*p.a, *p.b, c, nullptr, {}, rows);
    if (!is_stack) return detail::plan_of(args, kernel).to_string();
    const detail::Batch batch = detail::batch_of_products(p, c);
    return detail::plan_of(args, kernel, &batch).to_string();
  });
}

}  // namespace tinytorch
