#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "simd/lanes.h"
#include "simd/unroll.h"

/// Elementary functions on vectors of float or double. They use additions, multiplications, divisions, square roots
/// and bit operations only, so every platform gives the same bits, whichever way the lanes are implemented.
/// The largest errors, stated at each function, are bounds that tests/cpp/tensor_vector_math_test.cpp checks
/// (docs/accuracy.md).
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
TINYTORCH_INLINE inline Vec<T> polynomial(Vec<T> x, const T (&c)[n]) {
  Vec<T> sum = Vec<T>::splat(c[n - 1]);
  if constexpr (n <= 7) {  // unrolled even if the compiler optimises for size
    simd::unroll<static_cast<int>(n) - 1>([&](auto k)
                                              TINYTORCH_INLINE { sum = sum * x + Vec<T>::splat(c[n - 2 - k]); });
  } else {
    for (std::size_t i = n - 1; i-- > 0;) sum = sum * x + Vec<T>::splat(c[i]);
  }
  return sum;
}

/// 2^n for an integral n in the exponent range of normal numbers: the sum's low bits hold n plus the bias.
template <class T>
TINYTORCH_INLINE inline Vec<T> power_of_two(Vec<T> n) {
  return simd::shift_left<Format<T>::mantissa>(n + Vec<T>::splat(simd::kRoundMagic<T> + T(Format<T>::bias)));
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
TINYTORCH_INLINE inline Vec<T> exp(Vec<T> x) {
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
TINYTORCH_INLINE inline Split<T> split(Vec<T> x) {
  using V = Vec<T>;
  using F = Format<T>;
  constexpr auto one_bits = std::bit_cast<typename F::Bits>(T(1));
  const V one = V::splat(T(1));
  const V tiny = x < V::splat(std::numeric_limits<T>::min());
  const T up = sizeof(T) == 4 ? T(33554432.0) : T(18014398509481984.0);  // 2^25, 2^54
  x = select(tiny, x * V::splat(up), x);
  // The bits of x's exponent, put into the mantissa of the number 2^mantissa, give 2^mantissa + exponent.
  const T base = T(typename F::Bits{1} << F::mantissa);
  V e = (simd::shift_right<F::mantissa>(x) | V::splat(base)) - V::splat(base + T(F::bias));
  e = e - (tiny & V::splat(sizeof(T) == 4 ? T(25) : T(54)));
  const V m = (x & from_bits<T>((typename F::Bits{1} << F::mantissa) - 1)) | from_bits<T>(one_bits);
  const V above = m > V::splat(T(1.41421356237309504880));
  return {e + (above & one), select(above, m * V::splat(T(0.5)), m) - one};
}

/// The natural logarithm: below 1 ulp; log(0) = -infinity, log of a negative number is NaN. Method of FDLIBM.
template <class T>
TINYTORCH_INLINE inline Vec<T> log(Vec<T> x) {
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

/// 1 / (1 + e^-x): below 3 ulp. It uses e^-|x|, so that small results keep their relative precision.
template <class T>
TINYTORCH_INLINE inline Vec<T> sigmoid(Vec<T> x) {
  using V = Vec<T>;
  const V one = V::splat(T(1));
  const V e = exp(-simd::abs(x));
  return select(x < V::zero(), e, one) / (one + e);
}

/// tanh x: below 2 ulp. Method of Cephes: a rational function near zero, 1 - 2 / (e^2|x| + 1) elsewhere.
template <class T>
TINYTORCH_INLINE inline Vec<T> tanh(Vec<T> x) {
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

template <class T>
struct NormalConstants;
template <>
struct NormalConstants<float> {
  static constexpr float splitter = 4097.0f;  // 2^12 + 1
  static constexpr float k = 4.5f;
  static constexpr float p[] = {
      7.63230529473957419739e-01f,  -6.40257761512498246859e-01f, 4.46452464813217875239e-01f,
      -2.53141600864647930980e-01f, 1.11383434588621543782e-01f,  -3.38739606111426588830e-02f,
      4.21849748578650204228e-03f,  1.76049103945756556591e-03f,  -9.02615561823605816634e-04f,
      -1.51647760446821215381e-05f, 8.96962821292991604712e-05f};
  static constexpr float near[] = {3.98942280401432702863e-01f, -6.64903800669054412253e-02f,
                                   9.97355701003581687769e-03f, -1.18732821548045430760e-03f,
                                   1.15434687616155291952e-04f};
};
template <>
struct NormalConstants<double> {
  static constexpr double splitter = 134217729.0;  // 2^27 + 1
  static constexpr double k = 5.75;
  static constexpr double p[] = {7.75666160541774951653e-01,  -6.93525556722831226786e-01, 5.53056439776390074137e-01,
                                 -3.91277111830917900814e-01, 2.43346077606973215657e-01,  -1.31044615939778175129e-01,
                                 5.95444606506768600585e-02,  -2.17305938724758965219e-02, 5.65149581748504610534e-03,
                                 -5.92008885037189356085e-04, -2.80131451443549729999e-04, 1.52487861832405170118e-04,
                                 -1.76454626577604994648e-05, -1.19197548612968260172e-05, 4.90424464312587146626e-06,
                                 4.22022720858817329445e-07,  -7.01020501161853362583e-07, 4.99603749116232912551e-08,
                                 8.95618514842571206076e-08,  -1.42570702844698072060e-08, -1.10967638037666025076e-08,
                                 1.61792119544641632879e-09,  1.03144900219019464174e-09};
  static constexpr double near[] = {
      3.98942280401432702863e-01, -6.64903800669054412253e-02, 9.97355701003581687769e-03, -1.18732821548045430760e-03,
      1.15434687616155291952e-04, -9.44465625950361467285e-06, 6.65969351631665134473e-07, -4.12266741486268904744e-08,
      2.27352982437280648431e-09, -1.13011716416192126493e-10};
};

/// The parts of the normal distribution at x, |x| limited to 40 (beyond, everything is 0 or 1):
///
///     exp(-x^2 / 2) = bell * (1 - lost)          the distribution beyond |x| = bell * tail
///
/// x^2 / 2 is rounded. If it is large, an error in its last place is a large relative error of the exponential, which
/// `lost` corrects. The tail times w + k, w = |x|, is a polynomial in q = (w - k) / (w + k), from -1 to 0.8.
template <class T>
struct Normal {
  Vec<T> x, bell, lost, tail;
};
template <class T>
inline Normal<T> normal_parts(Vec<T> x) {
  using V = Vec<T>;
  using K = NormalConstants<T>;
  const V half = V::splat(T(0.5));
  const V w = simd::min(simd::abs(x), V::splat(T(40)));
  const V c = w * V::splat(K::splitter), high = c - (c - w), low = w - high;  // w^2 exactly, by halves
  const V square = w * w;
  const V lost = half * (((high * high - square) + (high * low + high * low)) + low * low);
  const V sum = w + V::splat(K::k);
  const V tail = polynomial((w - V::splat(K::k)) / sum, K::p) / sum;
  return {w | (x & V::splat(T(-0.0))), exp(-(half * square)), lost, tail - tail * lost};
}

/// x (1 + erf(x / sqrt 2)) / 2: below 6 ulp, also where the result is small; -0 at -infinity. Near 0 it uses the power
/// series of the distribution, which begins with an exact 1/2.
template <class T>
inline Vec<T> gelu(Vec<T> x) {
  using V = Vec<T>;
  const V half = V::splat(T(0.5));
  const Normal<T> n = normal_parts(x);
  const V near = x * (half + x * polynomial(x * x, NormalConstants<T>::near));
  const V above = x * (V::splat(T(1)) - n.bell * n.tail);
  const V far = select(x < V::zero(), n.bell * (n.x * n.tail), above);
  return select(simd::abs(x) < half, near, far);
}

/// The derivative of gelu, the distribution plus x times the density: 0 at -infinity, 1 at infinity.
template <class T>
inline Vec<T> gelu_slope(Vec<T> x) {
  using V = Vec<T>;
  const Normal<T> n = normal_parts(x);
  const V height = V::splat(T(0.39894228040143267794));
  const V density = height - height * n.lost;
  const V negative = x < V::zero();
  const V part = n.bell * (n.x * density + select(negative, n.tail, -n.tail));
  return select(negative, part, V::splat(T(1)) + part);
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
