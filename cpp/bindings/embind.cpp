// The table of functions that JavaScript calls: registrations and copies, no logic. The classes and the
// documentation that users see stand in web/src; bridge.h says how values cross.

#include <emscripten/bind.h>

#include <optional>
#include <string>
#include <vector>

#include "bridge.h"
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
void seed(unsigned low, unsigned high) { manual_seed(low | static_cast<std::uint64_t>(high) << 32); }

void release(Handle a) { delete optional_tensor(a); }
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
  return guarded([=] {
    exchange[0] = 0;
    if (tensor(a).is_contiguous()) send_elements_for_writing(tensor(a));
    return kDone;
  });
}
Handle item(Handle a) {
  return guarded([=] {
    exchange[0] = tensor(a).item();
    return kDone;
  });
}
Handle fill(Handle a, double value) {
  return guarded([=] {
    tensor(a).fill(value);
    return kDone;
  });
}
Handle copy_from(Handle a, Handle source) {
  return guarded([=] {
    tensor(a).copy_from(tensor(source));
    return kDone;
  });
}

Handle reshape(Handle a, int ndim) {
  return guarded([=] { return give(tensor(a).reshape(received_dims(ndim))); });
}
Handle expand(Handle a, int ndim) {
  return guarded([=] { return give(tensor(a).expand(received_dims(ndim))); });
}
Handle transpose(Handle a, int dim0, int dim1) {
  return guarded([=] { return give(tensor(a).transpose(dim0, dim1)); });
}
Handle slice(Handle a, int dim, double start, double stop, double step) {
  return guarded([=] {
    return give(tensor(a).slice(dim, static_cast<std::int64_t>(start), static_cast<std::int64_t>(stop),
                                static_cast<std::int64_t>(step)));
  });
}
Handle clone(Handle a) {
  return guarded([=] { return give(tensor(a).clone()); });
}
Handle to(Handle a, int dtype) {
  return guarded([=] { return give(tensor(a).to(static_cast<DType>(dtype))); });
}

// ---- Operations --------------------------------------------------------------------------------------------

template <auto Op>
Handle unary(Handle a, Handle out) {
  return guarded([=] { return give(Op(tensor(a), optional_tensor(out)), out); });
}
template <auto Op>
Handle binary(Handle a, Handle b, Handle out) {
  return guarded([=] { return give(Op(tensor(a), tensor(b), optional_tensor(out)), out); });
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
Handle matmul(Handle a, Handle b, KernelId kernel, Handle out) {
  return guarded(
      [=] { return give(ops::matmul(tensor(a), tensor(b), {.kernel = kernel, .out = optional_tensor(out)}), out); });
}
Handle allclose(Handle a, Handle b, double rtol, double atol) {
  return guarded([=] {
    exchange[0] = ops::allclose(tensor(a), tensor(b), rtol, atol);
    return kDone;
  });
}
Handle max_abs_diff(Handle a, Handle b) {
  return guarded([=] {
    exchange[0] = ops::max_abs_diff(tensor(a), tensor(b));
    return kDone;
  });
}

// ---- Layers ------------------------------------------------------------------------------------------------

Handle dense(double in, double out, bool bias, int dtype) {
  return guarded([=] {
    return give(std::make_shared<nn::Dense>(static_cast<std::int64_t>(in), static_cast<std::int64_t>(out), bias,
                                            static_cast<DType>(dtype)));
  });
}
template <class Layer>
Handle layer() {
  return guarded([] { return give(std::make_shared<Layer>()); });
}
/// The layers' handles come in the exchange buffer.
Handle sequential(int count) {
  return guarded([=] {
    std::vector<nn::ModulePtr> layers;
    for (int i = 0; i < count; ++i) {
      layers.push_back(module_pointer(static_cast<Handle>(exchange[static_cast<std::size_t>(i)])));
    }
    return give(std::make_shared<nn::Sequential>(std::move(layers)));
  });
}
void release_module(Handle m) { delete &module_pointer(m); }
Handle forward(Handle m, Handle x) {
  return guarded([=] { return give(module(m).forward(tensor(x))); });
}
void set_kernel(Handle m, KernelId kernel) { module(m).set_kernel(kernel); }
std::string module_name(Handle m) { return std::string(module(m).name()); }
int parameter_count(Handle m) { return static_cast<int>(module(m).named_parameters().size()); }
std::string parameter_name(Handle m, int index) {
  return module(m).named_parameters()[static_cast<std::size_t>(index)].first;
}
Handle parameter(Handle m, int index) {
  return guarded([=] { return give(module(m).named_parameters()[static_cast<std::size_t>(index)].second); });
}

// ---- Kernels, profile, memory ------------------------------------------------------------------------------

int kernel_count() { return static_cast<int>(kernels().size()); }
template <auto Field>
std::string kernel_text(int index) {
  return std::string(kernels()[static_cast<std::size_t>(index)].*Field);
}
bool kernel_available(int index) { return kernels()[static_cast<std::size_t>(index)].available; }
Handle find_kernel(const std::string& name) {
  return guarded([&] {
    exchange[0] = kernel_id(name);
    return kDone;
  });
}

ProfileReport report;
Handle start_profile() {
  return guarded([] {
    profile_start();
    return kDone;
  });
}
/// exchange: the number of rows, the wall time.
Handle stop_profile() {
  return guarded([] {
    report = profile_stop();
    send({static_cast<double>(report.rows.size()), report.wall_ms});
    return kDone;
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
  function("release", release);
  function("describe", describe);
  function("readable", readable);
  function("writable", writable);
  function("item", item);
  function("fill", fill);
  function("copyFrom", copy_from);
  function("reshape", reshape);
  function("expand", expand);
  function("transpose", transpose);
  function("slice", slice);
  function("clone", clone);
  function("to", to);

  function("add", binary<ops::add>);
  function("sub", binary<ops::sub>);
  function("mul", binary<ops::mul>);
  function("div", binary<ops::div>);
  function("pow", binary<ops::pow>);
  function("maximum", binary<ops::maximum>);
  function("neg", unary<ops::neg>);
  function("abs", unary<ops::abs>);
  function("exp", unary<ops::exp>);
  function("log", unary<ops::log>);
  function("sqrt", unary<ops::sqrt>);
  function("relu", unary<ops::relu>);
  function("sigmoid", unary<ops::sigmoid>);
  function("tanh", unary<ops::tanh>);
  function("sum", reduction<ops::sum>);
  function("mean", reduction<ops::mean>);
  function("max", reduction<ops::max>);
  function("argmax", reduction<ops::argmax>);
  function("softmax", along<ops::softmax>);
  function("logSoftmax", along<ops::log_softmax>);
  function("matmul", matmul);
  function("allclose", allclose);
  function("maxAbsDiff", max_abs_diff);

  function("dense", dense);
  function("reluLayer", layer<nn::ReLU>);
  function("sequential", sequential);
  function("releaseModule", release_module);
  function("forward", forward);
  function("setKernel", set_kernel);
  function("moduleName", module_name);
  function("parameterCount", parameter_count);
  function("parameterName", parameter_name);
  function("parameter", parameter);

  function("kernelCount", kernel_count);
  function("kernelName", kernel_text<&KernelInfo::name>);
  function("kernelTitle", kernel_text<&KernelInfo::title>);
  function("kernelSummary", kernel_text<&KernelInfo::summary>);
  function("kernelAvailable", kernel_available);
  function("findKernel", find_kernel);
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
