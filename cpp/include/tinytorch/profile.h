#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tinytorch {

/// One line of a profile: all scopes of one name together.
struct ProfileRow {
  std::string name;
  std::int64_t calls = 0;
  double total_ms = 0;  ///< wall time inside the scope, inner scopes included
  double self_ms = 0;   ///< the same without inner scopes
  double share = 0;     ///< self_ms over the profile's whole wall time, 0 to 1
  double flops = 0;     ///< floating-point operations stated by the scopes (a multiply-add is two)
  [[nodiscard]] double ms_per_call() const { return calls ? total_ms / static_cast<double>(calls) : 0; }
  [[nodiscard]] double gflops() const { return total_ms > 0 ? flops / total_ms * 1e-6 : 0; }
};

struct ProfileReport {
  std::vector<ProfileRow> rows;                 ///< by self time, largest first
  double wall_ms = 0;                           ///< from start to stop
  [[nodiscard]] std::string to_string() const;  ///< a table for a terminal
};

/// Starts recording on the calling thread; scopes cost one branch while nothing records. Throws
/// Error(invalid_argument) when this thread is already taking a profile.
void profile_start();
/// The report; scopes that are still open count up to now. Throws Error(invalid_argument) when nothing records.
[[nodiscard]] ProfileReport profile_stop();
[[nodiscard]] bool profile_active() noexcept;

/// Times from construction to destruction under `name`. Scopes nest; all scopes of one name make one row.
class ProfileScope {
 public:
  explicit ProfileScope(std::string_view name, double flops = 0) {
    if (profile_active()) begin(name, flops);
  }
  ~ProfileScope() {
    if (session_ != 0) end();
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  void begin(std::string_view name, double flops);
  void end() noexcept;
  std::uint64_t session_ = 0;  ///< the profile in which the scope began; 0: none
};

}  // namespace tinytorch
