// A plan in words, for people who want to know what a product does and why.
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "matmul/plan.h"
#include "matmul/registry.h"
#include "tinytorch/error.h"

namespace tinytorch {
namespace detail {
namespace {

std::string number(std::size_t value) { return std::to_string(value); }

std::string count(std::size_t value, std::string_view one) {
  std::string text = number(value);
  text += ' ';
  text += one;
  if (value != 1) text += 's';
  return text;
}

/// `12.8 million`. Without printf, which would make the download larger.
std::string rounded(double value) {
  const auto whole = static_cast<std::uint64_t>(value);
  if (whole < 1'000'000) return std::to_string(whole);
  const std::uint64_t tenths = (whole + 50'000) / 100'000;
  std::string text = std::to_string(tenths / 10);
  text += '.';
  text += static_cast<char>('0' + tenths % 10);
  return text += " million";
}

std::string name_of(KernelId rung) { return std::string(kernel_row(rung).name()); }

class Explanation {
 public:
  explicit Explanation(const Plan& plan) : plan_(plan) {
    const std::string m = number(plan.m), n = number(plan.n), k = number(plan.k);
    line({"[", m, ",", k, "] . [", k, ",", n, "], ", plan.element_bytes == 4 ? "float32" : "float64", ": ",
          rounded(2 * plan.work()), " operations"});
    line({"rung ", name_of(plan.rung), ": ", kernel_row(plan.rung).summary});
    if (plan.batch) add(*plan.batch);
    if (plan.batch && plan.batch->across) {
      add(plan.first.alone, "each thread");
    } else {
      if (plan.columns < plan.n) {
        line({number(plan.columns), " columns of C at a time: so much of B stays in the cache that all threads share"});
      }
      add(plan.first);
    }
    if (plan.epilogue_apart) line({"bias and activation, where there are any: a second pass over C"});
    line({"scratch: ", bytes(plan.scratch)});
  }

  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  [[nodiscard]] std::string bytes(std::size_t elements) const {
    if (elements == 0) return "none";
    std::string text = rounded(static_cast<double>(elements) * static_cast<double>(plan_.element_bytes));
    text += " bytes";
    return text;
  }

  void line(std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts) text_ += part;
    text_ += '\n';
  }

  void add(const BatchPlan& batch) {
    if (batch.across) {
      line({"a batch of ", count(batch.count, "product"), ", side by side on ",
            count(static_cast<std::size_t>(plan_.threads), "thread")});
    } else {
      line({"a batch of ", count(batch.count, "product"), ", one after the other"});
    }
  }

  void add(const Stretch& stretch) {
    if (!stretch.divided) {
      const bool could = plan_.rung != plan_.single && plan_.threads > 1;
      return add(stretch.alone, could ? "one thread, because a second would cost more than it saves" : "one thread");
    }
    const DividedPlan& divided = *stretch.divided;
    const std::string_view side = divided.by_rows ? "row" : "column";
    line({"C divided by ", side, "s, its longer side, into ", count(divided.parts, "part"), " of about ",
          count(divided.lengths[0].length, side), ", for ", count(divided.threads, "thread"),
          ": whoever is free takes the next"});
    if (divided.shared.size) {
      line({divided.by_rows ? "B" : "A",
            " is packed once, by all threads together, because every part reads all of it: ",
            bytes(divided.shared.size)});
    }
    add(divided.lengths[0].plan, "each part");
    if (!divided.large) line({"where all workers sleep: one thread, because waking one takes longer than it saves"});
  }

  void add(const SinglePlan& plan, std::string_view who) {
    std::string tile = count(plan.tile_rows, "row");
    tile += " by ";
    tile += count(plan.tile_columns, "column");
    const std::string rung = name_of(plan_.single);
    switch (plan.way) {
      case Way::loops: line({who, ", rung ", rung, ": its loops"}); break;
      case Way::small:
        return line({who, ", rung ", rung, ": small, so both operands are read where they are, in tiles of ", tile});
      case Way::rows: return line({who, ", rung ", rung, ": so few rows that each reads B where it is"});
      case Way::narrow:
        return line({who, ", rung ", rung, ": so few columns that both operands are read where they are"});
      case Way::blocks:
        line({who, ", rung ", rung, ": tiles of ", tile, " in blocks of ", number(plan.mc), " rows (mc), ",
              number(plan.kc), " steps (kc) and ", number(plan.nc), " columns (nc)"});
        break;
    }
    line({"  A ", source(plan.a, plan.a_copy)});
    line({"  B ", source(plan.b, plan.b_copy), plan.reuses_b ? ", kept for all blocks of rows" : ""});
  }

  [[nodiscard]] std::string source(From from, const Region& copy) const {
    switch (from) {
      case From::place:
        return copy.size ? "is read where it is, but for its last columns, which are padded" : "is read where it is";
      case From::copy: {
        std::string text = "is packed, ";
        text += bytes(copy.size);
        return text += " at a time";
      }
      case From::given: return "is there packed already";
    }
    return {};
  }

  const Plan& plan_;
  std::string text_;
};

}  // namespace

std::string Plan::to_string() const { return Explanation(*this).text(); }

}  // namespace detail

template <class T>
std::string explain(const MatmulArgs<T>& args, KernelId kernel) {
  if (kernel != kAutoKernel) detail::require_kernel(kernel);
  if (args.m == 0 || args.n == 0) return "nothing: the result has no elements\n";
  if (args.k == 0) return "zeros: the sums have no terms\n";
  return detail::plan_of(detail::KernelArgs<T>{args}, kernel).to_string();
}
template std::string explain<float>(const MatmulArgs<float>&, KernelId);
template std::string explain<double>(const MatmulArgs<double>&, KernelId);

void set_tile(Tile tile) {
  const auto& rung = detail::kernel_row(detail::best_single_kernel());
  const detail::TileRange range = rung.functions<float>().tiles;  // both types have the same
  if (tile.rows != 0 && (tile.rows < range.least || tile.rows > range.most)) {
    throw Error(ErrorCode::invalid_argument, "set_tile: rung '" + std::string(rung.name()) + "' has tiles of " +
                                                 std::to_string(range.least) + " to " + std::to_string(range.most) +
                                                 " rows, not of " + std::to_string(tile.rows));
  }
  detail::forced_tile.store({static_cast<std::uint16_t>(tile.rows), tile.packs_a});
}

Tile forced_tile() noexcept {
  const detail::TileChoice forced = detail::forced_tile.load();
  return {forced.rows, forced.packs_a};
}

}  // namespace tinytorch
