#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace tinytorch::io {

/// Finds the names of a list in log n steps. Keeps pointers into the list, which must outlive the index unchanged.
class NameIndex {
 public:
  /// `list` holds pairs whose first is the name.
  template <class Pairs>
  explicit NameIndex(const Pairs& list) {
    names_.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) names_.emplace_back(&list[i].first, i);
    sort();
  }

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  /// Where `name` is in the list; `npos` where it is not.
  [[nodiscard]] std::size_t find(const std::string& name) const noexcept;
  /// A name that the list has more than once; null where there is none.
  [[nodiscard]] const std::string* repeated() const noexcept;

 private:
  void sort();
  std::vector<std::pair<const std::string*, std::size_t>> names_;  ///< sorted; with their places in the list
};

}  // namespace tinytorch::io
