#include "io/json.h"
#include "io/names.h"
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
  const NameIndex wanted(parameters), given(file.tensors);
  if (const std::string* name = given.repeated()) {
    detail::fail(ErrorCode::io, {"load_state_dict: the file has '", shown(*name), "' twice"});
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (wanted.find(name) == NameIndex::npos) {
      detail::fail(ErrorCode::io, {"load_state_dict: the model has no parameter '", shown(name), "'"});
    }
  }
  std::vector<Tensor> sources;
  for (const auto& [name, parameter] : parameters) {
    const std::size_t place = given.find(name);
    if (place == NameIndex::npos) {
      detail::fail(ErrorCode::io, {"load_state_dict: the file has no tensor '", name, "'"});
    }
    const Tensor& found = file.tensors[place].second;
    const Tensor source = is_transposed(name, parameter) && found.ndim() == 2 ? found.transpose() : found;
    if (source.shape() != parameter.shape()) {
      const bool turned = is_transposed(name, parameter) && source.ndim() == 2;
      detail::fail(ErrorCode::io, {"load_state_dict: '", name, "' is ", found.shape(), " in the file, needs ",
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
