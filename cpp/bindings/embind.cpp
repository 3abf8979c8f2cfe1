// The table of functions that JavaScript calls, first part: tensors, operations, kernels, profile, memory. It holds
// registrations and copies, no logic. The classes and the documentation that users see stand in web/src; bridge.h
// says how values cross. embind_nn.cpp and embind_train.cpp go on.

#include <emscripten/bind.h>

#include <optional>

#include "bridge.h"
#include "tinytorch/autograd.h"
#include "tinytorch/threads.h"
#include "tinytorch/tinytorch.h"

namespace tinytorch::bindings {
namespace {

// ---- Tensors -----------------------------------------------------------------------------------------------

/// Uninitialised; JavaScript writes the elements at the address in exchange[0].
Handle create(int ndim, int dtype) {
  return guarded([=] {
    Tensor made = Tensor::empty(received_dims(ndim), static_cast<DType>(dtype));
    send_elements_for_writing(made);
    return give(std::move(made));
  });
}
Handle full(int ndim, int dtype, double value) {
  return guarded([=] { return give(Tensor::full(received_dims(ndim), value, static_cast<DType>(dtype))); });
}
Handle eye(double n, double m, int dtype) {
  return guarded([=] {
    return give(Tensor::eye(static_cast<std::int64_t>(n), static_cast<std::int64_t>(m), static_cast<DType>(dtype)));
  });
}
Handle arange(double start, double stop, double step, int dtype) {
  return guarded([=] { return give(Tensor::arange(start, stop, step, static_cast<DType>(dtype))); });
}
template <auto Make>
Handle random(int ndim, int dtype) {
  return guarded([=] { return give(Make(received_dims(ndim), static_cast<DType>(dtype))); });
}
void seed(unsigned low, unsigned high) { manual_seed(joined(low, high)); }

/// exchange: dtype, then the sizes. Returns the number of axes + 1.
Handle describe(Handle a) {
  const Shape& shape = tensor(a).shape();
  exchange[0] = static_cast<double>(tensor(a).dtype());
  for (std::size_t i = 0; i < shape.size(); ++i) exchange[i + 1] = static_cast<double>(shape[i]);
  return shape.size() + 1;
}
/// A contiguous tensor with the same elements, for reading: address and number in exchange[0] and [1].
Handle readable(Handle a) {
  return guarded([=] {
    Tensor row_major = tensor(a).contiguous();
    send_elements(row_major);
    return give(std::move(row_major));
  });
}
/// For writing in place: the address in exchange[0], which is 0 where the elements are not row-major.
Handle writable(Handle a) {
  return done([=] {
    exchange[0] = 0;
    if (tensor(a).is_contiguous()) send_elements_for_writing(tensor(a));
  });
}
Handle item(Handle a) {
  return done([=] { exchange[0] = tensor(a).item(); });
}
Handle fill(Handle a, double value) {
  return done([=] { tensor(a).fill(value); });
}
Handle copy_from(Handle a, Handle source) {
  return done([=] { tensor(a).copy_from(tensor(source)); });
}
Handle to(Handle a, int dtype) {
  return guarded([=] { return give(tensor(a).to(static_cast<DType>(dtype))); });
}

Handle reshape(Handle a, int ndim) {
  return guarded([=] { return give(autograd::reshape(tensor(a), received_dims(ndim))); });
}
Handle expand(Handle a, int ndim) {
  return guarded([=] { return give(autograd::expand(tensor(a), received_dims(ndim))); });
}
Handle transpose(Handle a, int dim0, int dim1) {
  return guarded([=] { return give(autograd::transpose(tensor(a), dim0, dim1)); });
}
Handle slice(Handle a, int dim, double start, double stop, double step) {
  return guarded([=] {
    return give(autograd::slice(tensor(a), dim, static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop),
                                static_cast<std::int64_t>(step)));
  });
}
template <auto Op>
Handle plain(Handle a) {
  return guarded([=] { return give(Op(tensor(a))); });
}

// ---- Operations: into `out`, which is not recorded, or with a gradient -------------------------------------

template <auto Into, auto Recorded>
Handle unary(Handle a, Handle out) {
  return guarded([=] {
    if (!out) return give(Recorded(tensor(a)));
    static_cast<void>(Into(tensor(a), optional_tensor(out)));
    return out;
  });
}
template <auto Into, auto Recorded>
Handle binary(Handle a, Handle b, Handle out) {
  return guarded([=] {
    if (!out) return give(Recorded(tensor(a), tensor(b)));
    static_cast<void>(Into(tensor(a), tensor(b), optional_tensor(out)));
    return out;
  });
}
Handle matmul(Handle a, Handle b, KernelId kernel, Handle out) {
  return guarded([=] {
    if (!out) return give(autograd::matmul(tensor(a), tensor(b), kernel));
    static_cast<void>(ops::matmul(tensor(a), tensor(b), {.kernel = kernel, .out = optional_tensor(out)}));
    return out;
  });
}
template <auto Op>
Handle reduction(Handle a, bool everything, int dim, bool keepdim) {
  return guarded(
      [=] { return give(Op(tensor(a), {everything ? std::nullopt : std::optional<std::int64_t>(dim), keepdim})); });
}
template <auto Op>
Handle along(Handle a, int dim) {
  return guarded([=] { return give(Op(tensor(a), dim)); });
}
Handle allclose(Handle a, Handle b, double rtol, double atol) {
  return done([=] { exchange[0] = ops::allclose(tensor(a), tensor(b), rtol, atol); });
}
Handle max_abs_diff(Handle a, Handle b) {
  return done([=] { exchange[0] = ops::max_abs_diff(tensor(a), tensor(b)); });
}

// ---- Gradients ---------------------------------------------------------------------------------------------

bool is_recorded(Handle a) { return requires_grad(tensor(a)); }
Handle mark(Handle a, bool value) {
  return done([=] { set_requires_grad(tensor(a), value); });
}
/// exchange[0]: the gradient's handle, 0 where there is none.
Handle gradient(Handle a) {
  return done([=] {
    const Tensor found = grad(tensor(a));
    exchange[0] = found.defined() ? static_cast<double>(give(found)) : 0;
  });
}
Handle replace_gradient(Handle a, Handle value) {
  return done([=] { set_grad(tensor(a), tensor_or_none(value)); });
}
Handle go_back(Handle root, Handle gradient_of_root, bool retain_graph) {
  return done([=] { backward(tensor(root), {tensor_or_none(gradient_of_root), retain_graph}); });
}

// ---- Kernels, profile, memory ------------------------------------------------------------------------------

int kernel_count() { return static_cast<int>(kernels().size()); }
template <auto Field>
std::string kernel_text(int index) {
  return std::string(kernels()[static_cast<std::size_t>(index)].*Field);
}
bool kernel_available(int index) { return kernels()[static_cast<std::size_t>(index)].available; }
/// exchange[0]: thousand million operations a second.
Handle peak(int dtype, KernelId kernel) {
  return done([=] { exchange[0] = peak_gflops(static_cast<DType>(dtype), kernel); });
}
/// exchange: rows and columns of the tile, milliseconds spent, candidates, then rows and GFLOP/s of each.
Handle tuning(int dtype) {
  return done([=] {
    const TileTuning tuned = tile_tuning(static_cast<DType>(dtype));
    exchange[0] = static_cast<double>(tuned.rows);
    exchange[1] = static_cast<double>(tuned.columns);
    exchange[2] = tuned.ms;
    exchange[3] = static_cast<double>(tuned.candidates.size());
    std::size_t at = 4;
    for (const auto& [rows, gflops] : tuned.candidates) {
      exchange[at++] = static_cast<double>(rows);
      exchange[at++] = gflops;
    }
  });
}
Handle find_kernel(const std::string& name) {
  return done([&] { exchange[0] = kernel_id(name); });
}

ProfileReport report;
Handle start_profile() {
  return done([] { profile_start(); });
}
/// exchange: the number of rows, the wall time.
Handle stop_profile() {
  return done([] {
    report = profile_stop();
    send({static_cast<double>(report.rows.size()), report.wall_ms});
  });
}
/// exchange: calls, total, self, share, flops. Returns the name.
std::string profile_row(int index) {
  const ProfileRow& row = report.rows[static_cast<std::size_t>(index)];
  send({static_cast<double>(row.calls), row.total_ms, row.self_ms, row.share, row.flops});
  return row.name;
}

/// exchange: storages, live bytes, peak bytes, pooled bytes.
void memory() {
  const MemoryStats stats = memory_stats();
  send({static_cast<double>(stats.storages), static_cast<double>(stats.live_bytes),
        static_cast<double>(stats.peak_bytes), static_cast<double>(stats.pooled_bytes)});
}

}  // namespace

EMSCRIPTEN_BINDINGS(tinytorch) {
  using emscripten::function;
  function("exchange", exchange_address);
  function("errorCode", error_code);
  function("errorText", error_text);

  function("create", create);
  function("full", full);
  function("eye", eye);
  function("arange", arange);
  function("rand", random<Tensor::rand>);
  function("randn", random<Tensor::randn>);
  function("manualSeed", seed);
  function("release", release<Tensor>);
  function("describe", describe);
  function("readable", readable);
  function("writable", writable);
  function("item", item);
  function("fill", fill);
  function("copyFrom", copy_from);
  function("to", to);
  function("reshape", reshape);
  function("expand", expand);
  function("transpose", transpose);
  function("slice", slice);
  function("clone", plain<autograd::clone>);
  function("detach", plain<detach>);

  function("add", binary<ops::add, autograd::add>);
  function("sub", binary<ops::sub, autograd::sub>);
  function("mul", binary<ops::mul, autograd::mul>);
  function("div", binary<ops::div, autograd::div>);
  function("pow", binary<ops::pow, autograd::pow>);
  function("maximum", binary<ops::maximum, autograd::maximum>);
  function("neg", unary<ops::neg, autograd::neg>);
  function("abs", unary<ops::abs, autograd::abs>);
  function("exp", unary<ops::exp, autograd::exp>);
  function("log", unary<ops::log, autograd::log>);
  function("sqrt", unary<ops::sqrt, autograd::sqrt>);
  function("relu", unary<ops::relu, autograd::relu>);
  function("sigmoid", unary<ops::sigmoid, autograd::sigmoid>);
  function("tanh", unary<ops::tanh, autograd::tanh>);
  function("gelu", plain<autograd::gelu>);
  function("sum", reduction<autograd::sum>);
  function("mean", reduction<autograd::mean>);
  function("max", reduction<autograd::max>);
  function("argmax", reduction<ops::argmax>);
  function("softmax", along<autograd::softmax>);
  function("logSoftmax", along<autograd::log_softmax>);
  function("matmul", matmul);
  function("allclose", allclose);
  function("maxAbsDiff", max_abs_diff);

  function("requiresGrad", is_recorded);
  function("setRequiresGrad", mark);
  function("grad", gradient);
  function("setGrad", replace_gradient);
  function("backward", go_back);
  function("gradEnabled", grad_enabled);
  function("setGradEnabled", set_grad_enabled);
  function("setAnomalyDetection", set_anomaly_detection);

  function("kernelCount", kernel_count);
  function("kernelName", kernel_text<&KernelInfo::name>);
  function("kernelTitle", kernel_text<&KernelInfo::title>);
  function("kernelSummary", kernel_text<&KernelInfo::summary>);
  function("kernelAvailable", kernel_available);
  function("findKernel", find_kernel);
  function("peak", peak);
  function("tuning", tuning);
  function("tuningEnabled", tuning_enabled);
  function("setTuning", set_tuning);
  function("startProfile", start_profile);
  function("stopProfile", stop_profile);
  function("profileRow", profile_row);
  function("threads", num_threads);
  function("setThreads", set_num_threads);
  function("memory", memory);
  function("resetPeakMemory", reset_peak_memory);
  function("releasePooledMemory", release_pooled_memory);
}

}  // namespace tinytorch::bindings
