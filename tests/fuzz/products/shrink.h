#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "case.h"

namespace tinytorch::fuzz {

template <class Fails>
Case shrink(Case which, Fails fails) {
  constexpr std::array sizes{&Case::m, &Case::n, &Case::k};
  // In the order in which they make a case hard to read. The simplest value is that of a fresh Case.
  constexpr std::array others{&Case::threads,  &Case::panels,  &Case::bias,    &Case::relu,    &Case::accumulate,
                              &Case::odd_ones, &Case::a,       &Case::b,       &Case::a_gap,   &Case::b_gap,
                              &Case::c_gap,    &Case::a_shift, &Case::b_shift, &Case::c_shift, &Case::bias_shift,
                              &Case::integers, &Case::scratch, &Case::tile,    &Case::packs_a, &Case::float64,
                              &Case::division, &Case::data};
  const auto try_value = [&](std::int64_t Case::* field, std::int64_t value) {
    if (which.*field == value) return false;
    Case simpler = which;
    simpler.*field = value;
    if (!fails(simpler)) return false;
    which = simpler;
    return true;
  };
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const auto size : sizes) {
      for (std::int64_t step = which.*size / 2; step > 0; step /= 2) {
        while (which.*size > step && try_value(size, which.*size - step)) smaller = true;
      }
    }
    for (const auto field : others) smaller |= try_value(field, Case{}.*field);
    while (which.threads > 2 && try_value(&Case::threads, which.threads - 1)) smaller = true;
  }
  return which;
}

}  // namespace tinytorch::fuzz
