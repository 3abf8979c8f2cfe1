#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tinytorch {

/// Element type of a tensor. Arithmetic is on the two floating types; int32 holds indices and labels, uint8 pixels.
enum class DType : std::uint8_t { float32, float64, int32, uint8 };

template <class T>
inline constexpr DType dtype_of = DType::float32;
template <>
inline constexpr DType dtype_of<double> = DType::float64;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::int32;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::uint8;

[[nodiscard]] constexpr std::size_t size_of(DType dtype) noexcept {
  return dtype == DType::float64 ? 8 : dtype == DType::uint8 ? 1 : 4;
}
[[nodiscard]] constexpr bool is_floating(DType dtype) noexcept { return dtype <= DType::float64; }

[[nodiscard]] constexpr std::string_view name_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::int32: return "int32";
    case DType::uint8: return "uint8";
  }
  return "?";
}

/// All dtypes, in the order of their numbers.
inline constexpr DType kAllDTypes[] = {DType::float32, DType::float64, DType::int32, DType::uint8};

/// A set of dtypes, such as those that an operation takes.
class DTypeSet {
 public:
  template <class... DTypes>
  constexpr explicit DTypeSet(DTypes... dtypes) noexcept : bits_(((1u << static_cast<unsigned>(dtypes)) | ... | 0u)) {}
  [[nodiscard]] constexpr bool contains(DType dtype) const noexcept {
    return (bits_ >> static_cast<unsigned>(dtype) & 1u) != 0;
  }

 private:
  unsigned bits_;
};
/// The dtypes that have arithmetic and gradients.
inline constexpr DTypeSet kFloating{DType::float32, DType::float64};
inline constexpr DTypeSet kAnyDType{DType::float32, DType::float64, DType::int32, DType::uint8};

/// The dtype with that name. Throws Error(dtype), which lists the known names.
[[nodiscard]] DType dtype_from_name(std::string_view name);

}  // namespace tinytorch
