#pragma once

// Every operation by its textbook formula, with PyTorch's derivatives at the corners. The elementwise ones, reductions
// and softmax stand in tests/reference/elementwise.ts and reduce.ts as well.
#include "autograd.h"

namespace tinytorch::reference {

inline void require_floating(const std::vector<Ref>& operands) {
  for (const Ref& each : operands) {
    if (!is_floating(each->dtype()) || each->dtype() != operands[0]->dtype()) throw Refused("dtypes");
  }
}

// ---- Elementwise ----

/// A function of one number. `ulps`: how far the library may be off; 0 for what IEEE 754 rounds rightly.
struct Curve {
  const char* name;
  double (*value)(double x);
  double ulps;
  double (*slope)(double x, double y);
  double (*size)(double x, double y);              ///< what the slope's errors are relative to
  double (*bend)(double x, double y, double off);  ///< of operands that are not exact: the second derivative
};

/// In the tail a rounding of erfc's argument becomes many of its result: what is rounded off is put right by its slope.
inline double normal_cdf(double x) {
  const double high = 0x1.6a09e667f3bcdp-1, low = -0x1.bdd3413b26456p-55;  // sqrt(1/2)
  const double z = -x * high, rest = std::fma(-x, high, -z) - x * low;
  const double slope = -2 / std::sqrt(std::acos(-1.0)) * std::exp(-z * z);
  return (std::erfc(z) + (slope == 0 ? 0 : slope * rest)) / 2;
}
inline double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0)); }
inline double at_kink(double x, double, double off) { return std::abs(x) <= off ? HUGE_VAL : 0; }

inline const std::vector<Curve>& curves() {
  static const std::vector<Curve> all = {
      {"neg", [](double x) { return -x; }, 0, [](double, double) { return -1.0; }, [](double, double) { return 1.0; },
       [](double, double, double) { return 0.0; }},
      {"abs", [](double x) { return std::abs(x); }, 0,
       [](double x, double) { return x > 0   ? 1.0
                                     : x < 0 ? -1.0
                                             : 0.0; }, [](double, double) { return 1.0; }, at_kink},
      {"relu", [](double x) { return x < 0 ? 0 : x; }, 0, [](double x, double) { return x <= 0 ? 0.0 : 1.0; },
       [](double, double) { return 1.0; }, at_kink},
      {"sqrt", [](double x) { return std::sqrt(x); }, 0, [](double, double y) { return 1 / (2 * y); },
       [](double, double y) { return 1 / (2 * y); }, [](double, double y, double) { return 1 / (8 * y * y * y); }},
      {"exp", [](double x) { return std::exp(x); }, 2, [](double, double y) { return y; },
       [](double, double y) { return y; }, [](double, double y, double) { return y; }},
      {"log", [](double x) { return std::log(x); }, 2, [](double x, double) { return 1 / x; },
       [](double x, double) { return 1 / std::abs(x); }, [](double x, double, double) { return 1 / (x * x); }},
      {"sigmoid", [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }, 4,
       [](double, double y) { return y * (1 - y); }, [](double, double y) { return y; },
       [](double, double, double) { return 0.1; }},
      {"tanh", [](double x) { return std::tanh(x); }, 3, [](double, double y) { return 1 - y * y; },
       [](double, double y) { return 1 + y * y; }, [](double, double, double) { return 1.0; }},
      {"gelu", [](double x) { return std::isinf(x) && x < 0 ? -0.0 : x * normal_cdf(x); }, 8,
       [](double x, double) { return normal_cdf(x) + x * normal_density(x); },
       [](double x, double) { return 2 + std::abs(x * x * x) * normal_density(x); },
       [](double, double, double) { return 1.0; }},
  };
  return all;
}

/// The one of that name in a list; an operation that has no reference yet ends the program.
template <class List>
const auto& named(const List& list, std::string_view name) {
  for (const auto& each : list) {
    if (name == each.name) return each;
  }
  throw std::logic_error("tests/reference has nothing for " + std::string(name));
}

inline Ref unary(const Curve& curve, const Ref& a) {
  require_floating({a});
  const Numbers x = a->values(), off = a->errors();
  const double eps = epsilon(a->dtype());
  return compute({a}, a->shape, a->dtype(), [&](std::size_t i) -> Element {
    const double at = x[i], away = off[i], value = curve.value(at);
    const double error = curve.ulps == 0 ? 0 : curve.ulps * eps * std::abs(value) + tiny(a->dtype());
    return {value, error, [=] {
              const double bent = away == 0 ? 0 : curve.bend(at, value, away) * away / eps;
              return std::vector<Slope>{{0, i, curve.slope(at, value), curve.size(at, value) + bent}};
            }};
  });
}

/// A function of two numbers; `slopes` fills the derivatives by both, and what their errors are relative to.
struct Operator {
  const char* name;
  double (*value)(double x, double y);
  double ulps;
  void (*slopes)(double x, double y, double value, double* slope, double* size);
};

inline const std::vector<Operator>& operators() {
  static const std::vector<Operator> all = {
      {"add", [](double x, double y) { return x + y; }, 0,
       [](double, double, double, double* d, double*) { d[0] = d[1] = 1; }},
      {"sub", [](double x, double y) { return x - y; }, 0,
       [](double, double, double, double* d, double*) { d[0] = 1, d[1] = -1; }},
      {"mul", [](double x, double y) { return x * y; }, 0,
       [](double x, double y, double, double* d, double*) { d[0] = y, d[1] = x; }},
      {"div", [](double x, double y) { return x / y; }, 0,
       [](double, double y, double value, double* d, double*) { d[0] = 1 / y, d[1] = -value / y; }},
      {"pow", [](double x, double y) { return std::pow(x, y); }, 2,
       [](double x, double y, double value, double* d, double* size) {
         d[0] = y == 0 ? 0 : y * std::pow(x, y - 1);
         d[1] = x == 0 && y >= 0 ? 0 : value * std::log(x);
         size[1] = std::abs(value) * (1 + std::abs(std::log(x)));
       }},
      // Of equals, half the gradient to each; of NaN, all of it to both.
      {"maximum", [](double x, double y) { return std::isnan(x) || x > y ? x : y; }, 0,
       [](double x, double y, double, double* d, double*) {
         d[0] = x == y ? 0.5 : x <= y ? 0 : 1;
         d[1] = x == y ? 0.5 : y <= x ? 0 : 1;
       }},
  };
  return all;
}

inline Ref binary(const Operator& op, const Ref& a, const Ref& b) {
  require_floating({a, b});
  const Sizes shape = broadcast(a->shape, b->shape);
  const std::vector<Sizes> every = indices(shape);
  const Numbers x = a->values(), y = b->values();
  return compute({a, b}, shape, a->dtype(), [&](std::size_t i) -> Element {
    const std::size_t p = flat(a->shape, every[i]), q = flat(b->shape, every[i]);
    const double left = x[p], right = y[q], value = op.value(left, right);
    const double error = op.ulps == 0 ? 0 : op.ulps * epsilon(a->dtype()) * std::abs(value) + tiny(a->dtype());
    return {value, error, [=, slopes = op.slopes] {
              double d[2], size[2] = {0, 0};
              slopes(left, right, value, d, size);
              return std::vector<Slope>{{0, p, d[0], std::max(std::abs(d[0]), size[0])},
                                        {1, q, d[1], std::max(std::abs(d[1]), size[1])}};
            }};
  });
}

// ---- Everything that sums ----

struct Sum {
  double value = 0, size = 0, error = 0;
};

/// A sum, and how far one in any order may be from it: n - 1 roundings of at most the sum of the sizes. It is exact
/// where all partial sums are: for multiples of 1/64 whose sizes add up to less than 2^17.
inline Sum sum_of(const Numbers& terms, DType dtype) {
  Sum result;
  bool exact = true;
  for (const double term : terms) {
    result.value += term;
    result.size += std::abs(term);
    exact = exact && std::trunc(term * 64) == term * 64;
  }
  exact = exact && result.size < 0x1p17;
  result.error = exact ? 0 : static_cast<double>(terms.size()) * epsilon(dtype) * result.size + tiny(dtype);
  return result;
}

/// For each element of a reduction's result, the places of the elements that it is made of. A tensor without axes
/// counts as one of a single element.
struct Groups {
  std::vector<std::vector<std::size_t>> members;
  Sizes shape;
};
inline Groups groups(const Sizes& shape, std::optional<std::int64_t> dim, bool keepdim) {
  if (shape.empty() && dim && (*dim == 0 || *dim == -1)) return {{{0}}, {}};
  const std::size_t axis = dim ? axis_of(*dim, shape) : 0;
  Sizes kept = shape, without;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!dim || i == axis) kept[i] = 1;
    if (dim && i != axis) without.push_back(shape[i]);
  }
  Groups result{std::vector<std::vector<std::size_t>>(size_of(kept)), keepdim ? kept : without};
  std::size_t place = 0;
  for (const Sizes& index : indices(shape)) result.members[flat(kept, index)].push_back(place++);
  return result;
}

/// The place of the largest, the first of equals; the first NaN wins.
inline std::size_t largest(const Numbers& values) {
  if (values.empty()) throw Refused("max: no elements");
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (!std::isnan(values[best]) && (values[i] > values[best] || std::isnan(values[i]))) best = i;
  }
  return best;
}

enum class Reduce { sum, mean, max };

/// The gradient of `max` goes to the first of equals over one axis, in equal shares over all, as in PyTorch.
inline Ref reduce(Reduce kind, const Ref& a, std::optional<std::int64_t> dim, bool keepdim) {
  require_floating({a});
  const Groups found = groups(a->shape, dim, keepdim);
  const Numbers x = a->values();
  return compute({a}, found.shape, a->dtype(), [&](std::size_t i) -> Element {
    const std::vector<std::size_t>& places = found.members[i];
    Numbers values;
    for (const std::size_t place : places) values.push_back(x[place]);
    std::vector<std::size_t> to = places;
    const double count = kind == Reduce::mean ? static_cast<double>(values.size()) : 1;
    Sum sum = sum_of(values, a->dtype());
    if (kind == Reduce::max) {
      const std::size_t first = largest(values);
      sum = {values[first], 0, 0};
      to = {places[first]};
      for (std::size_t j = first + 1; !dim && j < values.size(); ++j) {
        if (values[j] == values[first] || (std::isnan(values[j]) && std::isnan(values[first]))) to.push_back(places[j]);
      }
    }
    const double slope = 1 / (kind == Reduce::max ? static_cast<double>(to.size()) : count);
    const double value = sum.value / count;
    const double error = sum.error == 0 ? 0 : sum.error / count + epsilon(a->dtype()) * std::abs(value);
    return {value, error, [=] {
              std::vector<Slope> slopes;
              for (const std::size_t place : to) slopes.push_back({0, place, slope, slope});
              return slopes;
            }};
  });
}

inline Ref argmax(const Ref& a, std::optional<std::int64_t> dim, bool keepdim) {
  require_floating({a});
  const Groups found = groups(a->shape, dim, keepdim);
  const Numbers x = a->values();
  Numbers result;
  for (const auto& places : found.members) {
    Numbers values;
    for (const std::size_t place : places) values.push_back(x[place]);
    result.push_back(static_cast<double>(largest(values)));
  }
  return make(result, found.shape, DType::int32);
}

}  // namespace tinytorch::reference
