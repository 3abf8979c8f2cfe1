#include <algorithm>
#include <cstring>
#include <utility>

#include "io/json.h"
#include "io/names.h"
#include "tensor/check.h"
#include "tensor/storage.h"
#include "tensor/views.h"
#include "tinytorch/autograd.h"
#include "tinytorch/io.h"

namespace tinytorch::io {

namespace {

/// Whether this is the weight of a Dense, the only matrix of that name: [in, out] here, [out, in] in a file.
bool is_transposed(const std::string& name, const Tensor& tensor) {
  return tensor.ndim() == 2 && name.ends_with("weight");
}

/// The file's tensor for a parameter, in the parameter's orientation; undefined if the file has none of that name.
Tensor source_of(const std::string& name, const Tensor& parameter, const TensorFile& file, const NameIndex& given) {
  const std::size_t place = given.find(name);
  if (place == NameIndex::npos) return {};
  const Tensor& found = file.tensors[place].second;
  const Tensor source = is_transposed(name, parameter) && found.ndim() == 2 ? detail::transposed(found) : found;
  if (source.shape() != parameter.shape()) {
    const bool turned = is_transposed(name, parameter) && source.ndim() == 2;
    detail::fail(ErrorCode::io, {"load_state_dict: '", name, "' is ", found.shape(), " in the file, needs ",
                                 turned ? detail::transposed(parameter).shape() : parameter.shape()});
  }
  if (!is_floating(source.dtype())) {
    detail::fail(ErrorCode::io, {"load_state_dict: '", name, "' is ", name_of(source.dtype()), ", not floating"});
  }
  return source;
}

bool same_elements(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) return false;
  const Tensor x = detail::row_major(a), y = detail::row_major(b);
  const auto bytes = static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  return bytes == 0 || std::memcmp(x.impl()->bytes(), y.impl()->bytes(), bytes) == 0;
}

/// For each name, the place of the first name of the same tensor.
std::vector<std::size_t> first_places(const nn::NamedTensors& named) {
  std::vector<std::pair<const TensorImpl*, std::size_t>> order;
  order.reserve(named.size());
  for (std::size_t i = 0; i < named.size(); ++i) order.emplace_back(named[i].second.impl().get(), i);
  std::make_heap(order.begin(), order.end());
  std::sort_heap(order.begin(), order.end());
  std::vector<std::size_t> first(named.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool again = i > 0 && order[i].first == order[i - 1].first;
    first[order[i].second] = again ? first[order[i - 1].second] : order[i].second;
  }
  return first;
}

}  // namespace

TensorFile state_dict(const nn::Module& module) { return state_dict(module.named_state()); }
void load_state_dict(nn::Module& module, const TensorFile& file) { load_state_dict(module.named_state(), file); }

TensorFile state_dict(const nn::NamedTensors& named) {
  TensorFile file;
  const std::vector<std::size_t> first = first_places(named);
  for (std::size_t i = 0; i < named.size(); ++i) {
    const auto& [name, tensor] = named[i];
    if (first[i] != i) continue;
    file.tensors.emplace_back(name,
                              is_transposed(name, tensor) ? detail::row_major(detail::transposed(tensor)) : tensor);
  }
  return file;
}

void load_state_dict(const nn::NamedTensors& named, const TensorFile& file) {
  const NameIndex wanted(named), given(file.tensors);
  if (const std::string* name = given.repeated()) {
    detail::fail(ErrorCode::io, {"load_state_dict: the file has '", shown(*name), "' twice"});
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (wanted.find(name) == NameIndex::npos) {
      detail::fail(ErrorCode::io, {"load_state_dict: the model has no parameter '", shown(name), "'"});
    }
  }
  const std::vector<std::size_t> first = first_places(named);
  std::vector<Tensor> sources(named.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    const Tensor source = source_of(named[i].first, named[i].second, file, given);
    Tensor& of_first = sources[first[i]];
    if (!source.defined()) continue;
    if (of_first.defined() && !same_elements(of_first, source)) {
      detail::fail(ErrorCode::io, {"load_state_dict: '", named[i].first, "' and '", named[first[i]].first,
                                   "' are one parameter of the model, but differ in the file"});
    }
    of_first = source;
  }
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (first[i] != i || sources[i].defined()) continue;
    detail::fail(ErrorCode::io, {"load_state_dict: the file has no tensor '", named[i].first, "'"});
  }
  const NoGrad no_grad;  // `file` may hold another model's parameters, which require gradients
  for (std::size_t i = 0; i < named.size(); ++i) {
    Tensor parameter = named[i].second;
    if (first[i] == i) parameter.copy_from(sources[i]);
  }
}

}  // namespace tinytorch::io
