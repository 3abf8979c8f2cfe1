#include "case.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>
#include <vector>

#include "matmul/division.h"
#include "matmul/packed/block_sizes.h"
#include "matmul/packed/in_place.h"
#include "matmul/packed/small_product.h"
#include "matmul/registry.h"

namespace tinytorch::fuzz {
namespace {

constexpr std::pair<std::string_view, std::int64_t Case::*> fields[] = {{"float64", &Case::float64},
                                                                        {"m", &Case::m},
                                                                        {"n", &Case::n},
                                                                        {"k", &Case::k},
                                                                        {"a", &Case::a},
                                                                        {"b", &Case::b},
                                                                        {"a_gap", &Case::a_gap},
                                                                        {"b_gap", &Case::b_gap},
                                                                        {"c_gap", &Case::c_gap},
                                                                        {"a_shift", &Case::a_shift},
                                                                        {"b_shift", &Case::b_shift},
                                                                        {"c_shift", &Case::c_shift},
                                                                        {"bias_shift", &Case::bias_shift},
                                                                        {"odd_ones", &Case::odd_ones},
                                                                        {"accumulate", &Case::accumulate},
                                                                        {"bias", &Case::bias},
                                                                        {"relu", &Case::relu},
                                                                        {"integers", &Case::integers},
                                                                        {"data", &Case::data},
                                                                        {"division", &Case::division},
                                                                        {"one_way", &Case::one_way},
                                                                        {"kernel", &Case::kernel},
                                                                        {"tile", &Case::tile},
                                                                        {"packs_a", &Case::packs_a},
                                                                        {"threads", &Case::threads},
                                                                        {"panels", &Case::panels},
                                                                        {"scratch", &Case::scratch}};

/// The sizes at which the code changes its way, as the code itself says.
template <class T>
const std::vector<std::int64_t>& edges() {
  static const std::vector<std::int64_t> all = [] {
    std::vector<std::size_t> sizes{1,
                                   2,
                                   3,
                                   16 / sizeof(T),
                                   detail::kMaxKc<T>,
                                   detail::kMaxMc,
                                   detail::kMaxNc,
                                   detail::kInPlaceColumns,
                                   detail::kFewColumns,
                                   detail::kMostSmall,
                                   detail::kColumnUnit<T>,
                                   detail::kRowUnit,
                                   detail::kLeastRows,
                                   detail::kMostRows,
                                   detail::kMostColumns};
    const auto best = static_cast<std::size_t>(detail::best_single_kernel());
    const detail::TileRange tiles = detail::kernel_rows()[best].template functions<T>().tiles;
    sizes.push_back(std::max<std::size_t>(tiles.columns, 1));
    for (std::size_t rows = tiles.least; rows <= tiles.most; ++rows) sizes.push_back(std::max<std::size_t>(rows, 1));
    return std::vector<std::int64_t>(sizes.begin(), sizes.end());
  }();
  return all;
}

/// 1 ... most: near a multiple of an edge, or any.
std::int64_t random_size(Stream& random, const std::vector<std::int64_t>& all, std::int64_t most) {
  if (most <= 1) return 1;
  std::int64_t size = 0;
  if (random.one_in(3)) {
    size = 1 + random.below(std::min<std::int64_t>(most, std::int64_t{1} << random.below(13)));
  } else {
    const std::int64_t edge = all[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(all.size())))];
    size = edge * (random.one_in(2) ? 1 : 1 + random.below(4)) + random.below(3) - 1;
  }
  return size < 1 || size > most ? 1 + random.below(std::min<std::int64_t>(most, 70)) : size;
}

std::int64_t random_layout(Stream& random) {
  const std::int64_t pick = random.below(20);
  return pick < 8 ? rows : pick < 12 ? columns : random.below(critical);
}

}  // namespace

void write_text(const Case& which, char (&out)[kMostText]) noexcept {
  const Case plain;
  char* end = out;
  for (const auto& [name, field] : fields) {  // some 40 characters each at most
    if (which.*field == plain.*field) continue;
    if (end != out) *end++ = ',';
    end = std::copy(name.begin(), name.end(), end);
    *end++ = '=';
    end = std::to_chars(end, out + kMostText - 1, which.*field).ptr;
  }
  *end = 0;
}

std::string to_text(const Case& which) {
  char text[kMostText];
  write_text(which, text);
  return text;
}

Case from_text(std::string_view text) {
  Case result;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    const auto field = std::find_if(std::begin(fields), std::end(fields),
                                    [&](const auto& f) { return f.first == item.substr(0, equals); });
    std::int64_t value = 0;
    if (equals == std::string_view::npos || field == std::end(fields) ||
        std::from_chars(item.data() + equals + 1, item.data() + item.size(), value).ec != std::errc{}) {
      throw std::invalid_argument("--case: what is '" + std::string(item) + "'?");
    }
    result.*(field->second) = value;
  }
  return result;
}

Case random_case(std::uint64_t seed, std::uint64_t number, double max_work) {
  Stream random(seed, number);
  Case which;
  which.float64 = random.one_in(3);
  const std::vector<std::int64_t>& all = which.float64 ? edges<double>() : edges<float>();
  const std::int64_t kind = random.below(1000);
  const double most = std::min(max_work, kind < 700 ? 4e3 : kind < 950 ? 4e4 : kind < 996 ? 4e5 : 4e6);
  // In random order: the first one has all the room, the last one what is left.
  std::array order{&Case::m, &Case::n, &Case::k};
  for (std::int64_t i = 2; i > 0; --i) {
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(i + 1))]);
  }
  double left = most;
  for (const auto size : order) {
    which.*size = random_size(random, all, static_cast<std::int64_t>(left));
    left /= static_cast<double>(which.*size);
  }
  if (random.one_in(200)) which.*order[0] = 0;

  which.a = random_layout(random);
  which.b = random_layout(random);
  if (which.k < 600 && random.one_in(50)) which.b = critical;
  const auto gap = [&] { return random.one_in(2) ? 0 : 1 + random.below(9); };
  which.a_gap = gap();
  which.b_gap = gap();
  which.c_gap = gap();
  const auto shift = [&] { return random.one_in(2) ? 0 : random.below(8); };
  which.a_shift = shift();
  which.b_shift = shift();
  which.c_shift = shift();
  which.bias_shift = shift();
  which.odd_ones = random.below(2);
  which.accumulate = random.one_in(3);
  which.bias = random.below(2);
  which.relu = random.one_in(3);
  which.integers = random.below(2);
  which.data = random.below(1000000);
  which.division = random.below(4);
  return which;
}

}  // namespace tinytorch::fuzz
