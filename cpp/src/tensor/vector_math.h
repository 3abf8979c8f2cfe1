#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "simd/lanes.h"

/// Elementary functions on vectors of float or double. They use additions, multiplications, divisions, square roots
/// and bit operations only, so every platform gives the same bits, whichever way the lanes are implemented.
/// Errors are the largest seen against libm in double (tests/cpp/tensor_vector_math_test.cpp states the bounds that it
/// checks).
namespace tinytorch::detail::vmath {

template <class T>
struct Format;
template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr int mantissa = 23, bias = 127;
};
template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr int mantissa = 52, bias = 1023;
};

inline namespace TINYTORCH_ISA {

using simd::select;
using simd::Vec;

template <class T>
inline Vec<T> from_bits(typename Format<T>::Bits bits) {
  return Vec<T>::splat(std::bit_cast<T>(bits));
}

/// c[0] + x (c[1] + x (c[2] + ...)).
template <class T, std::size_t n>
inline Vec<T> polynomial(Vec<T> x, const T (&c)[n]) {
  Vec<T> sum = Vec<T>::splat(c[n - 1]);
  for (std::size_t i = n - 1; i-- > 0;) sum = sum * x + Vec<T>::splat(c[i]);
  return sum;
}

/// 2^n for an integral n in the exponent range of normal numbers: the sum's low bits hold n plus the bias.
template <class T>
inline Vec<T> power_of_two(Vec<T> n) {
  return simd::shift_left<Format<T>::mantissa>(n + Vec<T>::splat(simd::round_magic<T> + T(Format<T>::bias)));
}

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float highest = 89.0f, lowest = -104.0f;  // beyond: infinity, zero
  static constexpr float log2_e = 1.44269504088896341f, ln2_hi = 6.9314575195e-01f, ln2_lo = 1.4286067653e-06f;
  static constexpr float p[] = {1.6666625440e-1f, -2.7667332906e-3f};
};
template <>
struct ExpConstants<double> {
  static constexpr double highest = 710.0, lowest = -746.0;
  static constexpr double log2_e = 1.44269504088896338700, ln2_hi = 6.93147180369123816490e-01,
                          ln2_lo = 1.90821492927058770002e-10;
  static constexpr double p[] = {1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05,
                                 -1.65339022054652515390e-06, 4.13813679705723846039e-08};
};

/// e^x: below 1 ulp, results in the subnormal range and infinities included; NaN stays NaN.
/// Method of FDLIBM: x = n ln 2 + r, a rational function of r^2, and two exact scalings so that a subnormal result
/// is rounded once.
template <class T>
inline Vec<T> exp(Vec<T> x) {
  using V = Vec<T>;
  using K = ExpConstants<T>;
  // A NaN fails both comparisons and passes through.
  x = select(x > V::splat(K::highest), V::splat(K::highest), x);
  x = select(x < V::splat(K::lowest), V::splat(K::lowest), x);
  const V n = simd::nearest(x * V::splat(K::log2_e));
  const V hi = x - n * V::splat(K::ln2_hi), lo = n * V::splat(K::ln2_lo);
  const V r = hi - lo, t = r * r;
  const V c = r - t * polynomial(t, K::p);
  const V y = V::splat(T(1)) - ((lo - (r * c) / (V::splat(T(2)) - c)) - hi);
  const V half = simd::nearest(n * V::splat(T(0.5)));
  return y * power_of_two(half) * power_of_two(n - half);
}

template <class T>
struct LogConstants;
template <>
struct LogConstants<float> {
  static constexpr float ln2_hi = 6.9313812256e-01f, ln2_lo = 9.0580006145e-06f;
  static constexpr float p[] = {0.66666662693f, 0.40000972152f, 0.28498786688f, 0.24279078841f};
};
template <>
struct LogConstants<double> {
  static constexpr double ln2_hi = 6.93147180369123816490e-01, ln2_lo = 1.90821492927058770002e-10;
  static constexpr double p[] = {6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
                                 2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
                                 1.479819860511658591e-01};
};

/// x = 2^exponent * (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), for x > 0, subnormals included.
template <class T>
struct Split {
  Vec<T> exponent, f;
};
template <class T>
inline Split<T> split(Vec<T> x) {
  using V = Vec<T>;
  using F = Format<T>;
  constexpr auto one_bits = std::bit_cast<typename F::Bits>(T(1));
  const V one = V::splat(T(1));
  const V tiny = x < V::splat(std::numeric_limits<T>::min());
  const T up = sizeof(T) == 4 ? T(33554432.0) : T(18014398509481984.0);  // 2^25, 2^54
  x = select(tiny, x * V::splat(up), x);
  // The exponent's bits below 2^mantissa's exponent make the number 2^mantissa + exponent.
  const T base = T(typename F::Bits{1} << F::mantissa);
  V e = (simd::shift_right<F::mantissa>(x) | V::splat(base)) - V::splat(base + T(F::bias));
  e = e - (tiny & V::splat(sizeof(T) == 4 ? T(25) : T(54)));
  const V m = (x & from_bits<T>((typename F::Bits{1} << F::mantissa) - 1)) | from_bits<T>(one_bits);
  const V above = m > V::splat(T(1.41421356237309504880));
  return {e + (above & one), select(above, m * V::splat(T(0.5)), m) - one};
}

/// The natural logarithm: below 1 ulp; log(0) = -infinity, log of a negative number is NaN. Method of FDLIBM.
template <class T>
inline Vec<T> log(Vec<T> x) {
  using V = Vec<T>;
  using K = LogConstants<T>;
  const V infinity = V::splat(std::numeric_limits<T>::infinity());
  const auto [e, f] = split(x);
  const V s = f / (V::splat(T(2)) + f), z = s * s;
  const V r = z * polynomial(z, K::p);
  const V half_f2 = V::splat(T(0.5)) * f * f;
  V y = e * V::splat(K::ln2_hi) - ((half_f2 - (s * (half_f2 + r) + e * V::splat(K::ln2_lo))) - f);
  y = select(x < infinity, y, x + x);  // infinity and NaN
  y = select(x < V::zero(), V::splat(std::numeric_limits<T>::quiet_NaN()), y);
  return select(x == V::zero(), V::zero() - infinity, y);
}

/// 1 / (1 + e^-x), from e^-|x|, so that the small end keeps its relative precision: below 3 ulp.
template <class T>
inline Vec<T> sigmoid(Vec<T> x) {
  using V = Vec<T>;
  const V one = V::splat(T(1));
  const V e = exp(-simd::abs(x));
  return select(x < V::zero(), e, one) / (one + e);
}

/// tanh x: below 2 ulp. Method of Cephes: a rational function near zero, 1 - 2 / (e^2|x| + 1) elsewhere.
template <class T>
inline Vec<T> tanh(Vec<T> x) {
  using V = Vec<T>;
  const V z = x * x, size = simd::abs(x), sign = x & V::splat(T(-0.0));
  V near;
  if constexpr (sizeof(T) == 4) {
    constexpr float p[] = {-3.33332819422e-1f, 1.33314422036e-1f, -5.37397155531e-2f, 2.06390887954e-2f,
                           -5.70498872745e-3f};
    near = polynomial(z, p) * z * x + x;
  } else {
    constexpr double p[] = {-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1};
    constexpr double q[] = {4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0};
    near = x * z * (polynomial(z, p) / polynomial(z, q)) + x;
  }
  const V one = V::splat(T(1));
  const V far = one - V::splat(T(2)) / (exp(size + size) + one);
  return select(size < V::splat(T(0.625)), near, far) | sign;  // near loses the sign of -0
}

/// The normal distribution function (1 + erf(x / sqrt 2)) / 2, the small end with its relative precision. Method of
/// Cephes: erf from a rational function up to 1, erfc = e^-z^2 times another beyond.
template <class T>
inline Vec<T> normal_cdf(Vec<T> x) {
  using V = Vec<T>;
  constexpr T t[] = {T(5.55923013010394962768E4), T(7.00332514112805075473E3), T(2.23200534594684319226E3),
                     T(9.00260197203842689217E1), T(9.60497373987051638749E0)};
  constexpr T u[] = {T(4.92673942608635921086E4), T(2.26290000613890934246E4), T(4.59432382970980127987E3),
                     T(5.21357949780152679795E2), T(3.35617141647503099647E1), T(1)};
  constexpr T p[] = {T(5.57535335369399327526E2), T(1.02755188689515710272E3),  T(9.34528527171957607540E2),
                     T(5.26445194995477358631E2), T(1.96520832956077098242E2),  T(4.86371970985681366614E1),
                     T(7.46321056442269912687E0), T(5.64189564831068821977E-1), T(2.46196981473530512524E-10)};
  constexpr T q[] = {T(5.57535340817727675546E2), T(1.65666309194161350182E3), T(2.24633760818710981792E3),
                     T(1.82390916687909736289E3), T(9.75708501743205489753E2), T(3.54937778887819891062E2),
                     T(8.67072140885989742329E1), T(1.32281951154744992508E1), T(1)};
  const V half = V::splat(T(0.5)), one = V::splat(T(1));
  const V z = x * V::splat(T(0.70710678118654752440)), zz = z * z;
  const V near = half + half * (z * polynomial(zz, t) / polynomial(zz, u));
  // Beyond 30 everything is 0 or 1, and the polynomials would overflow.
  const V size = simd::min(simd::abs(z), V::splat(T(30)));
  const V tail = half * exp(-zz) * (polynomial(size, p) / polynomial(size, q));
  return select(size <= one, near, select(z < V::zero(), tail, one - tail));
}

/// sin(2 pi u) and cos(2 pi u) for u in [0, 1]: absolute error below 2^-52. FDLIBM's kernels on a quarter turn.
struct SinCos {
  Vec<double> sin, cos;
};
inline SinCos sincos_turns(Vec<double> u) {
  using V = Vec<double>;
  constexpr double s[] = {-1.66666666666666324348e-01, 8.33333333332248946124e-03,  -1.98412698298579493134e-04,
                          2.75573137070700676789e-06,  -2.50507602534068634195e-08, 1.58969099521155010221e-10};
  constexpr double c[] = {4.16666666666666019037e-02,  -1.38888888888741095749e-03, 2.48015872894767294178e-05,
                          -2.75573143513906633035e-07, 2.08757232129817482790e-09,  -1.13596475577881948265e-11};
  const V one = V::splat(1.0), four = V::splat(4.0);
  const V quarters = simd::nearest(u * four);  // 0 to 4
  const V x = (u * four - quarters) * V::splat(1.57079632679489661923), z = x * x;
  const V sine = x + x * z * polynomial(z, s);
  const V cosine = one - (V::splat(0.5) * z - z * z * polynomial(z, c));
  const V is1 = quarters == one, is2 = quarters == V::splat(2.0), is3 = quarters == V::splat(3.0);
  const V minus_zero = V::splat(-0.0), swap = is1 | is3;
  return {select(swap, cosine, sine) ^ ((is2 | is3) & minus_zero),
          select(swap, sine, cosine) ^ ((is1 | is2) & minus_zero)};
}

}  // namespace TINYTORCH_ISA
}  // namespace tinytorch::detail::vmath
