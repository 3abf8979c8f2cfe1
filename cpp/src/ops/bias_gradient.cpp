#include "ops/bias_gradient.h"

#include <algorithm>

#include "parallel/parallel_for.h"
#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::detail {

namespace {

constexpr std::size_t kRunRows = 64;

/// Works on N vectors side by side. If N is 1, possibly only `width` lanes of the vector exist.
template <class V, int N, class T>
void column_panel(T* dy, const T* y, std::size_t rows, std::size_t columns, T* sum, bool accumulate,
                  std::size_t width) {
  const bool whole = width == N * V::width;
  const auto load = [&](const T* p) { return whole ? V::load(p) : simd::load_partial<V>(p, width); };
  const auto store = [&](V v, T* p) { whole ? v.store(p) : simd::store_partial(v, p, width); };
  V total[N];
  for (V& v : total) v = V::zero();
  for (std::size_t i = 0; i < rows;) {
    V part[N];
    for (V& v : part) v = V::zero();
    for (const std::size_t end = std::min(rows, i + kRunRows); i < end; ++i) {
      simd::unroll<N>([&](auto k) TINYTORCH_INLINE {
        const std::size_t at = i * columns + k * V::width;
        V v = load(dy + at);
        if (y != nullptr) store(v = and_not(v, load(y + at) <= V::zero()), dy + at);
        part[k] = part[k] + v;
      });
    }
    simd::unroll<N>([&](auto k) TINYTORCH_INLINE { total[k] = total[k] + part[k]; });
  }
  if (sum == nullptr) return;
  simd::unroll<N>([&](auto k) TINYTORCH_INLINE {
    T* const to = sum + k * V::width;
    store(accumulate ? load(to) + total[k] : total[k], to);
  });
}

}  // namespace

template <class T>
void mask_and_sum_columns(T* dy, const T* y, std::size_t rows, std::size_t columns, T* sum, bool accumulate) {
  using V = simd::Vec<T>;
  constexpr std::size_t line = 64 / sizeof(T), work = 32768;  // a cache line; elements worth another thread
  const std::size_t grain = (std::max(work / std::max<std::size_t>(rows, 1), std::size_t{1}) + line - 1) / line * line;
  parallel_for(columns, grain, [=](std::size_t begin, std::size_t end) {
    const auto panel = [=]<int N>(std::size_t j, std::size_t width) {
      column_panel<V, N>(dy + j, y ? y + j : nullptr, rows, columns, sum ? sum + j : nullptr, accumulate, width);
    };
    std::size_t j = begin;
    for (; end - j >= line; j += line) panel.template operator()<static_cast<int>(line / V::width)>(j, line);
    for (; j < end; j += V::width) panel.template operator()<1>(j, std::min<std::size_t>(V::width, end - j));
  });
}

template void mask_and_sum_columns<float>(float*, const float*, std::size_t, std::size_t, float*, bool);
template void mask_and_sum_columns<double>(double*, const double*, std::size_t, std::size_t, double*, bool);

}  // namespace tinytorch::detail
