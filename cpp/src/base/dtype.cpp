#include "tinytorch/dtype.h"

#include "base/fail.h"

namespace tinytorch {

DType dtype_from_name(std::string_view name) {
  for (const DType dtype : kAllDTypes) {
    if (name == name_of(dtype)) return dtype;
  }
  detail::fail(ErrorCode::dtype, {"unknown dtype '", name, "': there are float32, float64, int32, uint8"});
}

}  // namespace tinytorch
