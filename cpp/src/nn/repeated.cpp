#include "nn/repeated.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace tinytorch::nn {

namespace {

template <class T>
std::vector<T> without(std::vector<T> list, const std::vector<bool>& left_out) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (left_out[i]) continue;
    if (kept != i) list[kept] = std::move(list[i]);
    ++kept;
  }
  list.resize(kept);
  return list;
}

}  // namespace

std::vector<bool> repeated(const std::vector<Tensor>& tensors) {
  // Heap sort, because std::sort would make a wasm module larger.
  std::vector<std::pair<const TensorImpl*, std::size_t>> order;
  order.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) order.emplace_back(tensors[i].impl().get(), i);
  std::make_heap(order.begin(), order.end());
  std::sort_heap(order.begin(), order.end());
  std::vector<bool> result(tensors.size());
  for (std::size_t i = 1; i < order.size(); ++i) {
    result[order[i].second] = order[i].first == order[i - 1].first && order[i].first != nullptr;
  }
  return result;
}

std::vector<Tensor> unique(std::vector<Tensor> tensors) {
  const std::vector<bool> again = repeated(tensors);
  return without(std::move(tensors), again);
}

NamedTensors unique(NamedTensors tensors) {
  std::vector<Tensor> values;
  for (const auto& [name, tensor] : tensors) values.push_back(tensor);
  const std::vector<bool> again = repeated(values);
  return without(std::move(tensors), again);
}

}  // namespace tinytorch::nn
