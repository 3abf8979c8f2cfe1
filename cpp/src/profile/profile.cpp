#include "tinytorch/profile.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/clock.h"
#include "base/fail.h"

namespace tinytorch {

namespace {

using detail::measured_ms;

class Recorder {
 public:
  explicit Recorder(std::uint64_t session) : session_(session), start_(measured_ms()) { open_.reserve(16); }

  [[nodiscard]] std::uint64_t session() const noexcept { return session_; }

  void begin(std::string_view name, double flops) {
    const std::size_t row = row_of(name);
    rows_[row].calls += 1;
    rows_[row].flops += flops;
    depth_[row] += 1;
    open_.push_back({row, measured_ms(), 0});
  }

  void end() noexcept {
    const Scope scope = open_.back();
    open_.pop_back();
    const double elapsed = measured_ms() - scope.start;
    ProfileRow& row = rows_[scope.row];
    row.self_ms += elapsed - scope.inside;
    // If a scope is inside another of the same name, only the outer one adds to the total.
    if (--depth_[scope.row] == 0) row.total_ms += elapsed;
    if (!open_.empty()) open_.back().inside += elapsed;
  }

  [[nodiscard]] ProfileReport finish() {
    while (!open_.empty()) end();
    ProfileReport report{std::move(rows_), measured_ms() - start_};
    for (ProfileRow& row : report.rows) row.share = report.wall_ms > 0 ? row.self_ms / report.wall_ms : 0;
    for (std::size_t i = 1; i < report.rows.size(); ++i) {  // a handful of rows: insertion
      for (std::size_t j = i; j > 0 && report.rows[j].self_ms > report.rows[j - 1].self_ms; --j) {
        std::swap(report.rows[j], report.rows[j - 1]);
      }
    }
    return report;
  }

 private:
  struct Scope {
    std::size_t row;
    double start;
    double inside;  ///< spent in inner scopes
  };

  // A handful of names: a linear search beats a hash.
  std::size_t row_of(std::string_view name) {
    const auto found =
        std::find_if(rows_.begin(), rows_.end(), [&](const ProfileRow& row) { return row.name == name; });
    if (found != rows_.end()) return static_cast<std::size_t>(found - rows_.begin());
    rows_.emplace_back().name = name;
    depth_.push_back(0);
    return rows_.size() - 1;
  }

  std::uint64_t session_;
  double start_;
  std::vector<ProfileRow> rows_;
  std::vector<int> depth_;  ///< how many open scopes each row has
  std::vector<Scope> open_;
};

thread_local std::unique_ptr<Recorder> recorder;
thread_local std::uint64_t sessions = 0;

}  // namespace

bool profile_active() noexcept { return recorder != nullptr; }

void profile_start() {
  if (recorder) detail::fail(ErrorCode::invalid_argument, {"profile_start: a profile is already being taken"});
  recorder = std::make_unique<Recorder>(++sessions);
}

ProfileReport profile_stop() {
  if (!recorder) detail::fail(ErrorCode::invalid_argument, {"profile_stop: no profile is being taken"});
  return std::exchange(recorder, nullptr)->finish();
}

void ProfileScope::begin(std::string_view name, double flops) {
  recorder->begin(name, flops);
  session_ = recorder->session();
}

void ProfileScope::end() noexcept {
  if (recorder && recorder->session() == session_) recorder->end();
}

std::string ProfileReport::to_string() const {
  std::size_t width = 4;
  for (const ProfileRow& row : rows) width = std::max(width, row.name.size());
  char line[160];
  const auto head = [&](std::string_view name) {
    std::string cell(name);
    cell.resize(width, ' ');
    return cell;
  };
  std::snprintf(line, sizeof line, "  %8s  %10s  %10s  %10s  %6s  %8s\n", "calls", "total ms", "self ms", "ms/call",
                "share", "GFLOP/s");
  std::string text = head("name") + line;
  for (const ProfileRow& row : rows) {
    std::snprintf(line, sizeof line, "  %8lld  %10.3f  %10.3f  %10.4f  %5.1f%%", static_cast<long long>(row.calls),
                  row.total_ms, row.self_ms, row.ms_per_call(), 100 * row.share);
    text += head(row.name) + line;
    if (row.flops > 0) {
      std::snprintf(line, sizeof line, "  %8.2f", row.gflops());
      text += line;
    }
    text += '\n';
  }
  std::snprintf(line, sizeof line, "wall time %.3f ms\n", wall_ms);
  return text + line;
}

}  // namespace tinytorch
