#include "optim/update.h"

#include <limits>
#include <type_traits>

#include "parallel/parallel_for.h"
#include "simd/lanes.h"
#include "simd/unroll.h"

namespace tinytorch::optim {

namespace {

/// state[k] = update(gradient, state)[k] for each element, vector by vector, on all threads where it pays.
template <class T, int N, class Update>
void for_each_vector(std::size_t count, const T* gradient, T* const (&state)[N], Update update) {
  using V = simd::Vec<T>;
  constexpr std::size_t grain = 8192;  // elements that are worth handing to another thread
  detail::parallel_for(count, grain, [&](std::size_t begin, std::size_t end) {
    V s[N];
    std::size_t i = begin;
    for (; i + V::width <= end; i += V::width) {
      simd::unroll<N>([&](auto k) TINYTORCH_INLINE { s[k] = V::load(state[k] + i); });
      update(V::load(gradient + i), s);
      simd::unroll<N>([&](auto k) TINYTORCH_INLINE { s[k].store(state[k] + i); });
    }
    if (i == end) return;
    for (int k = 0; k < N; ++k) s[k] = simd::load_partial<V>(state[k] + i, end - i);
    update(simd::load_partial<V>(gradient + i, end - i), s);
    for (int k = 0; k < N; ++k) simd::store_partial(s[k], state[k] + i, end - i);
  });
}

template <class V>
V splat(double x) {
  return V::splat(static_cast<typename V::value_type>(x));
}

/// Turns subnormal numbers into zero (update.h); NaN stays.
template <class V>
V flush(V x) {
  return and_not(x, simd::abs(x) < V::splat(std::numeric_limits<typename V::value_type>::min()));
}

}  // namespace

template <class T>
void update_sgd(std::size_t count, const T* gradient, T* parameter, T* velocity, const SgdNumbers& numbers) {
  using V = simd::Vec<T>;
  const V rate = splat<V>(numbers.rate), decay = splat<V>(numbers.weight_decay);
  const bool decays = numbers.weight_decay != 0;
  if (velocity == nullptr) {
    for_each_vector<T, 1>(count, gradient, {parameter}, [=](V g, V(&s)[1]) TINYTORCH_INLINE {
      if (decays) g = g + decay * s[0];
      s[0] = s[0] - rate * g;
    });
    return;
  }
  const V momentum = splat<V>(numbers.momentum), fresh = splat<V>(numbers.fresh);
  const bool nesterov = numbers.nesterov;
  for_each_vector<T, 2>(count, gradient, {parameter, velocity}, [=](V g, V(&s)[2]) TINYTORCH_INLINE {
    if (decays) g = g + decay * s[0];
    s[1] = flush(momentum * s[1] + fresh * g);
    s[0] = s[0] - rate * (nesterov ? g + momentum * s[1] : s[1]);
  });
}

template <class T>
void update_adam(std::size_t count, const T* gradient, T* parameter, T* mean, T* square, const AdamNumbers& numbers) {
  using V = simd::Vec<T>;
  const V beta1 = splat<V>(numbers.beta1), rest1 = splat<V>(1 - numbers.beta1);
  const V beta2 = splat<V>(numbers.beta2), rest2 = splat<V>(1 - numbers.beta2);
  const V eps = splat<V>(numbers.eps), rate = splat<V>(numbers.rate), scale = splat<V>(numbers.scale);
  const V add_decay = splat<V>(numbers.add_decay), shrink = splat<V>(numbers.shrink);
  const bool adds_decay = numbers.add_decay != 0;
  for_each_vector<T, 3>(count, gradient, {parameter, mean, square}, [=](V g, V(&s)[3]) TINYTORCH_INLINE {
    if (adds_decay) g = g + add_decay * s[0];
    s[1] = flush(beta1 * s[1] + rest1 * g);
    s[2] = flush(beta2 * s[2] + rest2 * (g * g));
    s[0] = shrink * s[0] - rate * (s[1] / (sqrt(s[2]) * scale + eps));
  });
}

template void update_sgd<float>(std::size_t, const float*, float*, float*, const SgdNumbers&);
template void update_sgd<double>(std::size_t, const double*, double*, double*, const SgdNumbers&);
template void update_adam<float>(std::size_t, const float*, float*, float*, float*, const AdamNumbers&);
template void update_adam<double>(std::size_t, const double*, double*, double*, double*, const AdamNumbers&);

}  // namespace tinytorch::optim
