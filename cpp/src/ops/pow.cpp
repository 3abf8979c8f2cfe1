#include "ops/pow.h"

#include <algorithm>
#include <limits>

#include "tensor/vector_math.h"

namespace tinytorch::detail {

namespace {

using V = simd::Vec<double>;

V splat(double x) { return V::splat(x); }

// A sum of two doubles, about 106 bits. An error e in b log a is a relative error e in the result, and b log a goes
// up to 710, so the logarithm needs ten bits more than a double has.
struct Double2 {
  V hi, lo;
};

Double2 fast_two_sum(V a, V b) {  // |a| >= |b|
  const V s = a + b;
  return {s, b - (s - a)};
}

// Dekker's exact product, because not every platform has a fused multiply-add.
Double2 two_product(V a, V b) {
  const auto halves = [](V x) {
    const V c = x * splat(134217729.0);  // 2^27 + 1
    const V high = c - (c - x);
    return Double2{high, x - high};
  };
  const Double2 x = halves(a), y = halves(b);
  const V p = a * b;
  return {p, ((x.hi * y.hi - p) + x.hi * y.lo + x.lo * y.hi) + x.lo * y.lo};
}

Double2 product(Double2 a, Double2 b) {
  const Double2 p = two_product(a.hi, b.hi);
  return fast_two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

// log x = e ln 2 + 2 s + (2/3) s^3 + s^5 (2/5 + 2/7 s^2 + ...), s = f / (2 + f). The tail is below 2^-12 of the whole,
// so a double is enough for it.
Double2 log2double(V x) {
  constexpr double tail[] = {2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13, 2.0 / 15,
                             2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25};
  const auto [e, f] = vmath::split(x);
  const Double2 d = fast_two_sum(splat(2.0), f);
  const V quotient = f / d.hi;
  const Double2 back = two_product(quotient, d.hi);
  const Double2 s = fast_two_sum(quotient, (((f - back.hi) - back.lo) - quotient * d.lo) / d.hi);
  const Double2 z = product(s, s);
  const Double2 cubic = product(product(s, z), {splat(0.66666666666666663), splat(3.7007434154171886e-17)});
  const V rest = s.hi * z.hi * z.hi * vmath::polynomial(z.hi, tail);
  const Double2 series = fast_two_sum(s.hi + s.hi, cubic.hi);
  const V series_low = ((s.lo + s.lo) + cubic.lo) + rest + series.lo;
  const V whole = e * splat(6.93147180369123816490e-01);  // exact: the constant ends in zeros
  // |whole| >= |series| unless e = 0, where the sum is exact either way.
  const Double2 sum = fast_two_sum(whole, series.hi);
  return fast_two_sum(sum.hi, sum.lo + (series_low + e * splat(1.90821492927058770002e-10)));
}

// e^(p.hi + p.lo), rounded to nearest except in about 2^-5 of the cases: 1 + r + r^2 / 2 are summed exactly, and the
// other terms are below 2^-7. So 10^3 is exactly 1000.
V exp2double(Double2 p) {
  constexpr double rest[] = {1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,      1.0 / 40320,
                             1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
  using K = vmath::ExpConstants<double>;
  V hi = select(p.hi > splat(K::highest), splat(K::highest), p.hi);  // NaN passes
  hi = select(hi < splat(K::lowest), splat(K::lowest), hi);
  const V n = simd::nearest(hi * splat(K::log2_e));
  const V low = select(hi == p.hi, p.lo, V::zero()) - n * splat(K::ln2_lo);
  const V high = hi - n * splat(K::ln2_hi);
  const V r = high + low, r_low = low - (r - high);
  const Double2 square = two_product(r, r);
  const V half = splat(0.5), one = splat(1.0);
  const Double2 sum1 = fast_two_sum(one, r), sum2 = fast_two_sum(sum1.hi, half * square.hi);
  const V tail = r * square.hi * vmath::polynomial(r, rest) + (half * square.lo + r_low * (one + r));
  const V y = sum2.hi + ((sum1.lo + sum2.lo) + tail);
  const V half_n = simd::nearest(n * half);
  return y * vmath::power_of_two(half_n) * vmath::power_of_two(n - half_n);
}

V pow(V a, V b) {
  const V zero = V::zero(), one = splat(1.0), infinity = splat(std::numeric_limits<double>::infinity());
  const V nan = splat(std::numeric_limits<double>::quiet_NaN());
  const V x = simd::abs(a), y = simd::abs(b);

  Double2 l = log2double(x);
  const V edge = (x == zero) | (x == infinity) | (x != x);
  l.hi = select(edge, select(x == zero, zero - infinity, x), l.hi);
  l.lo = select(edge, zero, l.lo);
  Double2 p = two_product(b, l.hi);
  p.lo = p.lo + b * l.lo;
  // Beyond the range of exp the low part has no meaning (and may be infinity - infinity).
  p.lo = select(simd::abs(p.hi) < splat(1000.0), p.lo, zero);
  const V magnitude = select(x == one, one, exp2double(p));

  // Is b an integer, and odd? Adding 2^52 rounds away the fraction of anything smaller.
  const V big = splat(4503599627370496.0), half = y * splat(0.5);
  const V integral = (y >= big) | (((y + big) - big) == y);
  const V odd = integral & (y < big + big) & (((half + big) - big) != half);
  V result = magnitude | (odd & a & splat(-0.0));  // -0 counts as negative
  const V no_root = and_not((a < zero) & (x < infinity), integral);
  result = select(no_root, nan, result);
  result = select(b != b, nan, result);
  return select((b == zero) | (a == one), one, result);
}

struct Pow {
  V operator()(V a, V b) const { return pow(a, b); }
};

void pow_row_f32(const Row<float>& row) {
  constexpr std::size_t chunk = 64;
  double a[chunk], b[chunk], out[chunk];
  for (std::size_t done = 0; done < row.count; done += chunk) {
    const std::size_t n = std::min(chunk, row.count - done);
    for (std::size_t i = 0; i < n; ++i) {
      a[i] = row.in[0][row.step[0] * static_cast<std::ptrdiff_t>(done + i)];
      b[i] = row.in[1][row.step[1] * static_cast<std::ptrdiff_t>(done + i)];
    }
    binary_row<double, Pow>({out, {a, b}, {1, 1}, n});
    for (std::size_t i = 0; i < n; ++i) row.out[done + i] = static_cast<float>(out[i]);
  }
}

}  // namespace

const Rows pow_rows{&pow_row_f32, &binary_row<double, Pow>};

}  // namespace tinytorch::detail
