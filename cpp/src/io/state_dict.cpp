#include <algorithm>

#include "tensor/check.h"
#include "tinytorch/io.h"

namespace tinytorch::io {

namespace {

/// The weight of a Dense, the only matrix of that name: [in, out] here, [out, in] in a file.
bool is_transposed(const std::string& name, const Tensor& tensor) {
  return tensor.ndim() == 2 && name.ends_with("weight");
}

}  // namespace

TensorFile state_dict(const nn::Module& module) {
  TensorFile file;
  for (const auto& [name, tensor] : module.named_parameters()) {
    file.tensors.emplace_back(name, is_transposed(name, tensor) ? tensor.transpose().contiguous() : tensor);
  }
  return file;
}

void load_state_dict(nn::Module& module, const TensorFile& file) {
  const auto parameters = module.named_parameters();
  const auto has = [](const auto& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&](const auto& entry) { return entry.first == name; });
  };
  for (const auto& [name, tensor] : file.tensors) {
    if (has(parameters, name) == parameters.end()) {
      detail::fail(ErrorCode::io, {"load_state_dict: the model has no parameter '", name, "'"});
    }
  }
  std::vector<Tensor> sources;
  for (const auto& [name, parameter] : parameters) {
    const auto found = has(file.tensors, name);
    if (found == file.tensors.end()) {
      detail::fail(ErrorCode::io, {"load_state_dict: the file has no tensor '", name, "'"});
    }
    const Tensor source =
        is_transposed(name, parameter) && found->second.ndim() == 2 ? found->second.transpose() : found->second;
    if (source.shape() != parameter.shape()) {
      const bool turned = is_transposed(name, parameter) && source.ndim() == 2;
      detail::fail(ErrorCode::io, {"load_state_dict: '", name, "' is ", found->second.shape(), " in the file, needs ",
                                   turned ? parameter.transpose().shape() : parameter.shape()});
    }
    if (!is_floating(source.dtype())) {
      detail::fail(ErrorCode::io, {"load_state_dict: '", name, "' is ", name_of(source.dtype()), ", not floating"});
    }
    sources.push_back(source);
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    Tensor parameter = parameters[i].second;
    parameter.copy_from(sources[i]);
  }
}

}  // namespace tinytorch::io
