#pragma once

#include <stdexcept>
#include <string>

#include "tinytorch/error.h"

namespace tinytorch::fuzz {

inline void require(bool holds, const char* property) {
  if (!holds) throw std::logic_error(property);
}

/// Whether `body` ran to its end. False where it threw an Error that a reader may throw.
template <class Body>
bool accepts(Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    require(error.code() == ErrorCode::io || error.code() == ErrorCode::overflow ||
                error.code() == ErrorCode::out_of_memory,
            "a refused file is Error(io), or too large");
    require(error.what()[0] != '\0', "an error has a text");
    return false;
  }
}

}  // namespace tinytorch::fuzz
