#pragma once

#include <cstddef>

#include "parallel/parallel_for.h"
#include "simd/lanes.h"

namespace tinytorch::detail {

/// The vector at p + i; the last one of `count` elements may be partial.
template <class V>
inline V load_at(const typename V::value_type* p, std::size_t i, std::size_t count) {
  return i + V::width <= count ? V::load(p + i) : simd::load_partial<V>(p + i, count - i);
}
template <class V>
inline void store_at(V v, typename V::value_type* p, std::size_t i, std::size_t count) {
  if (i + V::width <= count) {
    v.store(p + i);
  } else {
    simd::store_partial(v, p + i, count - i);
  }
}

/// Calls f(i, count) for the start of every vector in [0, count), on all threads where it pays.
template <class T, class F>
void for_vectors(std::size_t count, F f) {
  constexpr std::size_t grain = 16384;  // about 5 microseconds of an optimiser's work
  parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; i += simd::Vec<T>::width) f(i, count);
  });
}

}  // namespace tinytorch::detail
