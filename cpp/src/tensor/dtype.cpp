#include "tinytorch/dtype.h"

#include <string>

#include "tinytorch/error.h"

namespace tinytorch {

DType dtype_from_name(std::string_view name) {
  for (DType dtype : {DType::float32, DType::float64, DType::int32}) {
    if (name == name_of(dtype)) return dtype;
  }
  throw Error(ErrorCode::dtype, "unknown dtype '" + std::string(name) + "': there are float32, float64, int32");
}

}  // namespace tinytorch
