#pragma once

// An operation of the table (cpp/src/ops/row.h) as a function that JavaScript calls: each parameter crosses as one or
// more numbers, the result as a handle. operations.inc lists them.

#include <cstdint>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>

#include "bridge.h"
#include "tinytorch/ops.h"

namespace tinytorch::bindings {

/// How a parameter of type P crosses: as which numbers, and how it is made from them.
template <class P>
struct Crossing {  // enums
  using Numbers = std::tuple<int>;
  static P read(int code) { return static_cast<P>(code); }
};
template <>
struct Crossing<const Tensor&> {
  using Numbers = std::tuple<Handle>;
  static const Tensor& read(Handle handle) { return tensor(handle); }
};
template <>
struct Crossing<Tensor*> {
  using Numbers = std::tuple<Handle>;
  static Tensor* read(Handle out) { return optional_tensor(out); }
};
template <>
struct Crossing<double> {
  using Numbers = std::tuple<double>;
  static double read(double number) { return number; }
};
template <>
struct Crossing<std::int64_t> {
  using Numbers = std::tuple<double>;
  static std::int64_t read(double number) { return to_integer(number); }
};
template <>
struct Crossing<const Shape&> {  // the sizes come in the exchange buffer
  using Numbers = std::tuple<int>;
  static Shape read(int ndim) { return received_dims(ndim); }
};
template <>
struct Crossing<ops::Axes> {
  using Numbers = std::tuple<bool, double, bool>;
  static ops::Axes read(bool everything, double dim, bool keepdim) {
    return {everything ? std::nullopt : std::optional<std::int64_t>(to_integer(dim)), keepdim};
  }
};

/// Calls a function with parameters of types P, made from the numbers of all of them. Functions of one signature share
/// this code; only the address of the function differs.
template <class Function, class Given, class... P>
struct BoundTo;
template <class Function, class... Number, class... P>
struct BoundTo<Function, std::tuple<Number...>, P...> {
  template <Function F>
  static Handle call(Number... numbers) {
    return run(F, numbers...);
  }

 private:
  [[gnu::noinline]] static Handle run(Function function, Number... numbers) {
    return guarded([&] {
      const std::tuple<Number...> all(numbers...);
      return result(apply<0, P...>(function, all), all);
    });
  }
  /// The parameters made so far are passed on; the numbers of the next one begin at `At`.
  template <std::size_t At, class First, class... Rest, class... Made>
  static Tensor apply(Function function, const std::tuple<Number...>& all, Made&&... made) {
    constexpr std::size_t size = std::tuple_size_v<typename Crossing<First>::Numbers>;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      decltype(auto) next = Crossing<First>::read(std::get<At + I>(all)...);
      if constexpr (sizeof...(Rest) > 0) {
        return apply<At + size, Rest...>(function, all, std::forward<Made>(made)..., next);
      } else {
        return std::invoke(function, std::forward<Made>(made)..., next);
      }
    }(std::make_index_sequence<size>());
  }
  /// The handle `out`, the last number, if it was given; else a handle of the new tensor.
  static Handle result(Tensor&& made, const std::tuple<Number...>& all) {
    if constexpr ((std::is_same_v<P, Tensor*> || ...)) {
      const Handle out = std::get<sizeof...(Number) - 1>(all);
      if (out) return out;
    }
    return give(std::move(made));
  }
};

template <class... P>
using NumbersOf = decltype(std::tuple_cat(std::declval<typename Crossing<P>::Numbers>()...));

template <class Function>
struct Bound;
template <class... P>
struct Bound<Tensor (*)(P...)> : BoundTo<Tensor (*)(P...), NumbersOf<P...>, P...> {};
template <class... P>
struct Bound<Tensor (Tensor::*)(P...) const>
    : BoundTo<Tensor (Tensor::*)(P...) const, NumbersOf<const Tensor&, P...>, const Tensor&, P...> {};

#define TINYTORCH_OPERATION(name, ...) TINYTORCH_CALL(name, Bound<decltype(__VA_ARGS__)>::template call<__VA_ARGS__>)

}  // namespace tinytorch::bindings
