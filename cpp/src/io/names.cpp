#include "io/names.h"

#include <algorithm>

namespace tinytorch::io {

/// Heap sort, because std::sort would make a wasm module larger.
void NameIndex::sort() {
  const auto before = [](const auto& a, const auto& b) { return *a.first < *b.first; };
  std::make_heap(names_.begin(), names_.end(), before);
  std::sort_heap(names_.begin(), names_.end(), before);
}

std::size_t NameIndex::find(const std::string& name) const noexcept {
  const auto found = std::lower_bound(names_.begin(), names_.end(), name,
                                      [](const auto& entry, const std::string& n) { return *entry.first < n; });
  return found != names_.end() && *found->first == name ? found->second : npos;
}

const std::string* NameIndex::repeated() const noexcept {
  for (std::size_t i = 1; i < names_.size(); ++i) {
    if (*names_[i].first == *names_[i - 1].first) return names_[i].first;
  }
  return nullptr;
}

}  // namespace tinytorch::io
