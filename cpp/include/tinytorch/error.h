#pragma once

#include <exception>
#include <string>
#include <utility>

namespace tinytorch {

/// What kind of mistake an Error reports. JavaScript turns each into a class of its own.
enum class ErrorCode {
  invalid_argument,    ///< a value outside its domain, an axis out of range, a ragged array
  shape,               ///< shapes that do not fit each other
  dtype,               ///< a type that the operation does not take, or two that differ
  unknown_kernel,      ///< no rung has that name
  kernel_unavailable,  ///< the rung exists, but not in this build or on this processor
  overflow,            ///< a size that does not fit into the address space
  out_of_memory,       ///< the allocator refused; the library stays usable
  autograd,            ///< a gradient that cannot be computed: no graph, freed graph
  io,                  ///< a file that is missing, truncated or malformed
};

/// The library's only exception. The text names the function and the values, for example
/// `matmul: inner dimensions differ: a is [2,3], b is [4,5]`.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace tinytorch
