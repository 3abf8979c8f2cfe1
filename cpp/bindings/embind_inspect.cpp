// The table of functions that JavaScript calls, fifth part: kernels, profile, threads, memory.

#include <string>

#include "bridge.h"
#include "tinytorch/threads.h"
#include "tinytorch/tinytorch.h"

namespace tinytorch::bindings {
namespace {

int kernel_count() { return static_cast<int>(kernels().size()); }
template <auto Field>
Text kernel_text(int index) {
  return send_text(std::string_view(kernels()[static_cast<std::size_t>(index)].*Field));
}
bool kernel_available(int index) { return kernels()[static_cast<std::size_t>(index)].available; }
/// exchange[0]: GFLOP/s.
Handle peak(int dtype, KernelId kernel) {
  return done([=] { exchange[0] = peak_gflops(static_cast<DType>(dtype), kernel); });
}
Handle force_tile(int rows, bool packs_a) {
  return done([=] { set_tile({rows, packs_a}); });
}
Text explain_product(Handle a, Handle b, KernelId kernel) {
  return guarded([=] { return send_text(ops::explain_matmul(tensor(a), tensor(b), kernel)); });
}
/// The name is the text that JavaScript wrote. exchange[0]: the kernel's number.
Handle find_kernel() {
  return done([] { exchange[0] = kernel_id(received_text()); });
}

ProfileReport report;
Handle start_profile() {
  return done([] { profile_start(); });
}
/// Sends a `profile`.
Handle stop_profile() {
  return done([] {
    report = profile_stop();
    send(kProfile, {static_cast<double>(report.rows.size()), report.wall_ms});
  });
}
/// Sends a `profileRow` and the name.
Text profile_row(int index) {
  const ProfileRow& row = report.rows[static_cast<std::size_t>(index)];
  send(kProfileRow, {static_cast<double>(row.calls), row.total_ms, row.self_ms, row.share, row.flops});
  return send_text(std::string_view(row.name));
}

/// Sends a `memory`.
void memory() {
  const MemoryStats stats = memory_stats();
  send(kMemory, {static_cast<double>(stats.storages), static_cast<double>(stats.live_bytes),
                 static_cast<double>(stats.peak_bytes), static_cast<double>(stats.pooled_bytes)});
}

}  // namespace

const Call calls_inspect[] = {
    TINYTORCH_CALL("kernelCount", kernel_count),
    TINYTORCH_CALL("kernelName", kernel_text<&KernelInfo::name>),
    TINYTORCH_CALL("kernelTitle", kernel_text<&KernelInfo::title>),
    TINYTORCH_CALL("kernelSummary", kernel_text<&KernelInfo::summary>),
    TINYTORCH_CALL("kernelAvailable", kernel_available),
    TINYTORCH_CALL("findKernel", find_kernel),
    TINYTORCH_CALL("peak", peak),
    TINYTORCH_CALL("setTile", force_tile),
    TINYTORCH_CALL("explain", explain_product),
    TINYTORCH_CALL("startProfile", start_profile),
    TINYTORCH_CALL("stopProfile", stop_profile),
    TINYTORCH_CALL("profileRow", profile_row),
    TINYTORCH_CALL("threads", num_threads),
    TINYTORCH_CALL("setThreads", set_num_threads),
    TINYTORCH_CALL("memory", memory),
    TINYTORCH_CALL("resetPeakMemory", reset_peak_memory),
    TINYTORCH_CALL("releasePooledMemory", release_pooled_memory),
    {},
};

}  // namespace tinytorch::bindings
