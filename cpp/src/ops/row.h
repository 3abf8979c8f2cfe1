#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "tensor/check.h"
#include "tensor/copy.h"
#include "tinytorch/ops.h"

/// The table of operations. Each row is in the file of its operation and says what a program needs to know of it: its
/// name, its dtypes, its parameters with their types and defaults. The types come from the function itself.
///
/// From the table, scripts/generate.mjs makes JavaScript's methods, with checks and documentation, and the functions
/// that they call. Tests of every operation read it, too (tests/cpp/ops_table_test.cpp). The library itself does not.
namespace tinytorch::detail {

enum class Kind : unsigned char { tensor, out, axes, shape, integer, real, dtype, reduction, product };

struct Parameter {
  const char* name = nullptr;
  bool has_default = false;
  double default_value = 0;
  bool has_least = false;
  double least = 0;  ///< the smallest number that is allowed; of a shape, the smallest size (0 unless said otherwise)
  Kind kind = Kind::tensor;

  constexpr Parameter() = default;
  constexpr Parameter(const char* n) : name(n) {}  // NOLINT(google-explicit-constructor)
  constexpr Parameter(const char* n, double value) : name(n), has_default(true), default_value(value) {}
  [[nodiscard]] constexpr Parameter at_least(double number) const {
    Parameter with = *this;
    with.has_least = true;
    with.least = number;
    return with;
  }
};

/// An argument. The parameter's kind says which of these members is used.
struct Value {
  Tensor tensor{};
  ops::Axes axes{};
  Shape shape{};
  double number = 0;
};

/// Where JavaScript has an operation.
enum class Place : unsigned char {
  method,    ///< a method of Tensor
  internal,  ///< a function that the package's own code calls
  none
};

inline constexpr std::size_t kMaxParameters = 5;

/// The part of a row that is written by hand.
struct Text {
  const char* summary;  ///< documentation of the method; `this` is the first operand
  /// The parameters after the first operand, without `out` and the axes of a reduction.
  std::array<Parameter, kMaxParameters> parameters{};
  bool takes_number = false;  ///< the second operand may be a number
  bool has_gradient = true;
  double lowest = -3, highest = 3;  ///< operands in between are good for tests: the function is smooth there
  Place place = Place::method;
};

struct Operation {
  Op op;
  Text text;
  std::array<Parameter, kMaxParameters> parameters;  ///< all, in the function's order
  std::size_t count;
  bool is_member;  ///< of Tensor
  Tensor (*call)(std::span<const Value> arguments);
};

/// The rows of one file.
using Family = std::span<const Operation>;
extern const Family arithmetic, activations, softmaxes, reductions, products, layers, losses, views;
/// All families.
[[nodiscard]] std::span<const Family> families();

template <class P>
constexpr Kind kind_of() {
  using T = std::remove_cvref_t<P>;
  if constexpr (std::is_same_v<T, Tensor*>) {
    return Kind::out;
  } else if constexpr (std::is_same_v<T, ops::Axes>) {
    return Kind::axes;
  } else if constexpr (std::is_same_v<T, Shape>) {
    return Kind::shape;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return Kind::integer;
  } else if constexpr (std::is_same_v<T, double>) {
    return Kind::real;
  } else if constexpr (std::is_same_v<T, DType>) {
    return Kind::dtype;
  } else if constexpr (std::is_same_v<T, ops::Reduction>) {
    return Kind::reduction;
  } else if constexpr (std::is_same_v<T, ops::MatmulOptions>) {
    return Kind::product;
  } else {
    static_assert(std::is_same_v<T, Tensor>, "a kind of parameter that the table does not know");
    return Kind::tensor;
  }
}

/// The argument for a parameter of type P.
template <class P>
decltype(auto) argument(const Value& value) {
  constexpr Kind kind = kind_of<P>();
  if constexpr (kind == Kind::tensor) {
    return (value.tensor);
  } else if constexpr (kind == Kind::out) {
    return value.tensor.defined() ? const_cast<Tensor*>(&value.tensor) : nullptr;
  } else if constexpr (kind == Kind::axes) {
    return (value.axes);
  } else if constexpr (kind == Kind::shape) {
    return (value.shape);
  } else if constexpr (kind == Kind::product) {
    return ops::MatmulOptions{.out = value.tensor.defined() ? const_cast<Tensor*>(&value.tensor) : nullptr};
  } else if constexpr (kind == Kind::integer) {
    return convert<std::int64_t>(value.number);  // infinity becomes the largest integer
  } else {
    return static_cast<std::remove_cvref_t<P>>(value.number);
  }
}

template <auto F, class Signature = decltype(F)>
struct Called;
template <auto F, class... P>
struct Called<F, Tensor (*)(P...)> {
  static constexpr bool is_member = false;
  static constexpr std::array kinds{kind_of<P>()...};
  static Tensor call(std::span<const Value> arguments) { return call_with(arguments, std::index_sequence_for<P...>()); }
  template <std::size_t... I>
  static Tensor call_with(std::span<const Value> arguments, std::index_sequence<I...>) {
    return F(argument<P>(arguments[I])...);
  }
};
template <auto F, class... P>
struct Called<F, Tensor (Tensor::*)(P...) const> {
  static constexpr bool is_member = true;
  static constexpr std::array kinds{Kind::tensor, kind_of<P>()...};
  static Tensor call(std::span<const Value> arguments) { return call_with(arguments, std::index_sequence_for<P...>()); }
  template <std::size_t... I>
  static Tensor call_with(std::span<const Value> arguments, std::index_sequence<I...>) {
    return (arguments[0].tensor.*F)(argument<P>(arguments[I + 1])...);
  }
};

/// The row of the function F.
template <auto F>
constexpr Operation row(const Op& op, const Text& text) {
  using Function = Called<F>;
  Operation made{op, text, {}, Function::kinds.size(), Function::is_member, &Function::call};
  std::size_t next = 0;
  for (std::size_t i = 0; i < made.count; ++i) {
    const Kind kind = Function::kinds[i];
    Parameter& parameter = made.parameters[i];
    if (i == 0) {
      parameter = "this";
    } else if (kind == Kind::out || kind == Kind::axes || kind == Kind::product) {
      parameter = kind == Kind::axes ? "axes" : "out";
    } else {
      parameter = text.parameters[next++];
    }
    parameter.kind = kind;
  }
  return made;
}

}  // namespace tinytorch::detail
