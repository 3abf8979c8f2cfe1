#include "strided_loop.h"

#include <algorithm>

#include "parallel/parallel_for.h"

namespace tinytorch::detail {

std::int64_t LoopNest::rows() const noexcept {
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis + 1 < axes; ++axis) count *= size[axis];
  return count;
}

LoopNest make_loop_nest(const Shape& shape, std::initializer_list<const Strides*> strides) {
  LoopNest nest;
  nest.operands = strides.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    bool merges = nest.axes > 0;
    std::size_t k = 0;
    for (const Strides* s : strides) {
      merges = merges && nest.stride[k++][nest.axes - 1] == (*s)[i] * shape[i];
    }
    if (!merges) ++nest.axes;
    const std::size_t axis = nest.axes - 1;
    nest.size[axis] = merges ? nest.size[axis] * shape[i] : shape[i];
    k = 0;
    for (const Strides* s : strides) nest.stride[k++][axis] = (*s)[i];
  }
  if (nest.axes == 0) {
    nest.axes = 1;
    nest.size[0] = 1;
    for (auto& stride : nest.stride) stride[0] = 1;
  }
  return nest;
}

namespace {

// Elements that are worth another thread, and a chunk of which three operands fit into the first-level cache.
constexpr std::size_t kParallelGrain = 32768;
constexpr std::size_t kChunk = 256;

}  // namespace

template <class T>
void run_row(RowFunction<T> f, Row<T> row) {
  constexpr std::size_t width = 16 / sizeof(T);
  const std::size_t rest = row.count % width, whole = row.count - rest;
  if (whole > 0) {
    row.count = whole;
    f(row);
  }
  if (rest == 0) return;
  T padded[kMaxOperands][width] = {};
  T* out = row.out + whole;
  for (std::size_t k = 0; k < row.in.size(); ++k) {
    if (row.in[k] == nullptr || row.step[k] == 0) continue;
    std::copy_n(row.in[k] + whole, rest, padded[k]);
    row.in[k] = padded[k];
  }
  row.out = padded[kMaxOperands - 1];
  row.count = width;
  f(row);
  std::copy_n(row.out, rest, out);
}

template void run_row<float>(RowFunction<float>, Row<float>);
template void run_row<double>(RowFunction<double>, Row<double>);

namespace {

template <class T>
struct RowRunner {
  const LoopNest& nest;
  std::array<T*, kMaxOperands> base;
  RowFunction<T> function;

  void operator()(const Offsets& offset, std::size_t count) const {
    constexpr std::size_t lanes = 16 / sizeof(T);
    T repeated[kMaxOperands - 1][lanes];
    T gathered[kMaxOperands][kChunk];
    const std::size_t inputs = nest.operands - 1;
    Row<T> row{};
    std::array<std::int64_t, kMaxOperands> step{};
    bool direct = true;
    for (std::size_t k = 0; k < nest.operands; ++k) {
      step[k] = nest.row_step(k);
      direct = direct && (step[k] == 1 || (k > 0 && step[k] == 0));
    }
    for (std::size_t k = 0; k < inputs; ++k) {
      const T* from = base[k + 1] + offset[k + 1];
      row.in[k] = from;
      row.step[k] = 1;
      if (step[k + 1] == 0) {
        std::fill_n(repeated[k], lanes, *from);
        row.in[k] = repeated[k];
        row.step[k] = 0;
      }
    }
    row.out = base[0] + offset[0];
    row.count = count;
    if (direct) {
      run_row(function, row);
      return;
    }
    for (std::size_t done = 0; done < count; done += kChunk) {
      const std::size_t n = std::min(kChunk, count - done);
      const auto first = static_cast<std::int64_t>(done);
      for (std::size_t k = 0; k < inputs; ++k) {
        if (step[k + 1] == 0) continue;
        const T* from = base[k + 1] + offset[k + 1] + first * step[k + 1];
        row.in[k] = from;
        if (step[k + 1] == 1) continue;
        for (std::size_t i = 0; i < n; ++i) gathered[k + 1][i] = from[static_cast<std::int64_t>(i) * step[k + 1]];
        row.in[k] = gathered[k + 1];
      }
      T* to = base[0] + offset[0] + first * step[0];
      row.out = step[0] == 1 ? to : gathered[0];
      row.count = n;
      run_row(function, row);
      if (step[0] == 1) continue;
      for (std::size_t i = 0; i < n; ++i) to[static_cast<std::int64_t>(i) * step[0]] = gathered[0][i];
    }
  }
};

Strides broadcast_strides(const Tensor& tensor, const Shape& shape) {
  Strides strides;
  strides.resize(shape.size());
  const std::size_t shift = shape.size() - tensor.ndim();
  for (std::size_t i = 0; i < tensor.ndim(); ++i) {
    strides[shift + i] = tensor.shape()[i] == 1 ? 0 : tensor.strides()[i];
  }
  return strides;
}

}  // namespace

template <class T>
void run_elementwise(Tensor& out, std::initializer_list<const Tensor*> inputs, RowFunction<T> f) {
  T* to = out.mutable_strided_data<T>();
  const auto count = static_cast<std::size_t>(out.numel());
  if (count == 0) return;
  std::array<T*, kMaxOperands> base{to};
  bool flat = out.is_contiguous();
  std::size_t k = 1;
  for (const Tensor* input : inputs) {
    base[k++] = const_cast<T*>(input->strided_data<T>());
    flat = flat && input->is_contiguous() && input->shape() == out.shape();
  }
  if (flat) {
    const auto part = [&](std::size_t begin, std::size_t end) {
      run_row(f, {base[0] + begin, {base[1] + begin, base[2] ? base[2] + begin : nullptr}, {1, 1}, end - begin});
    };
    if (count < 2 * kParallelGrain) return part(0, count);
    return parallel_for(count, kParallelGrain, part);
  }
  Strides strides[kMaxOperands - 1];
  k = 0;
  for (const Tensor* input : inputs) strides[k++] = broadcast_strides(*input, out.shape());
  const LoopNest nest = inputs.size() == 1 ? make_loop_nest(out.shape(), {&out.strides(), &strides[0]})
                                           : make_loop_nest(out.shape(), {&out.strides(), &strides[0], &strides[1]});
  const RowRunner<T> run{nest, base, f};
  const auto length = static_cast<std::size_t>(nest.row_length());
  const auto some_rows = [&](std::size_t begin, std::size_t end) {
    for_rows(nest, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end),
             [&](const Offsets& offset) { run(offset, length); });
  };
  const auto rows = static_cast<std::size_t>(nest.rows());
  if (count < 2 * kParallelGrain) return some_rows(0, rows);
  parallel_for(rows, kParallelGrain / length + 1, some_rows);
}

template void run_elementwise<float>(Tensor&, std::initializer_list<const Tensor*>, RowFunction<float>);
template void run_elementwise<double>(Tensor&, std::initializer_list<const Tensor*>, RowFunction<double>);

}  // namespace tinytorch::detail
