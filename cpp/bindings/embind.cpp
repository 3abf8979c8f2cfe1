// The tables of functions that JavaScript calls, first part: tensors, operations, gradients. They hold entries and
// copies, no logic. The classes and the documentation that users see are in web/src; bridge.h says how values cross.
// The other parts are embind_nn.cpp, embind_files.cpp, embind_train.cpp and embind_inspect.cpp.

#include <emscripten/bind.h>

#include <optional>

#include "bridge.h"
#include "operation.h"
#include "tinytorch/autograd.h"
#include "tinytorch/tinytorch.h"

namespace tinytorch::bindings {
namespace {

// ---- Tensors -----------------------------------------------------------------------------------------------

/// An uninitialised tensor. Sends an `array`, into which JavaScript writes the elements.
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
  return guarded([=] { return give(Tensor::eye(to_integer(n), to_integer(m), static_cast<DType>(dtype))); });
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
/// A contiguous tensor with the same elements, for reading: sends an `array`.
Handle readable(Handle a) {
  return guarded([=] {
    const NoGrad no_grad;
    Tensor row_major = tensor(a).contiguous();
    send_elements(row_major);
    return give(std::move(row_major));
  });
}
/// For writing in place: sends an `array`, with address 0 if the elements are not row-major.
Handle writable(Handle a) {
  return done([=] {
    send(kArray, {0, static_cast<double>(tensor(a).numel())});
    refuse_writing("copyFrom", tensor(a));
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
/// Not from operations.inc, where the result is returned as a tensor: copying that takes a tenth of a small product.
Handle matmul(Handle a, Handle b, KernelId kernel, Handle out) {
  return guarded([=] {
    if (!out) return give(ops::matmul(tensor(a), tensor(b), {.kernel = kernel}));
    ops::matmul_out(tensor(out), tensor(a), tensor(b), {.kernel = kernel});
    return out;
  });
}
Handle allclose(Handle a, Handle b, double rtol, double atol) {
  return done([=] { exchange[0] = ops::allclose(tensor(a), tensor(b), rtol, atol); });
}
Handle max_abs_diff(Handle a, Handle b) {
  return done([=] { exchange[0] = ops::max_abs_diff(tensor(a), tensor(b)); });
}

// ---- Gradients ---------------------------------------------------------------------------------------------

Handle detached(Handle a) {
  return guarded([=] { return give(detach(tensor(a))); });
}
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

}  // namespace

const Call calls[] = {
    TINYTORCH_CALL("exchange", exchange_address),
    TINYTORCH_BARE_CALL("stackRoom", any_room),
    TINYTORCH_BARE_CALL("errorCode", error_code),
    TINYTORCH_BARE_CALL("errorText", error_text),
    TINYTORCH_CALL("makeRoomForText", make_room_for_text),
    TINYTORCH_BARE_CALL("textAddress", text_address),
    TINYTORCH_BARE_CALL("textSize", text_size),
    TINYTORCH_CALL("receivePiece", receive_piece),

    TINYTORCH_CALL("create", create),
    TINYTORCH_CALL("full", full),
    TINYTORCH_CALL("eye", eye),
    TINYTORCH_CALL("arange", arange),
    TINYTORCH_CALL("rand", random<Tensor::rand>),
    TINYTORCH_CALL("randn", random<Tensor::randn>),
    TINYTORCH_CALL("manualSeed", seed),
    TINYTORCH_CALL("release", release<Tensor>),
    TINYTORCH_CALL("describe", describe),
    TINYTORCH_CALL("readable", readable),
    TINYTORCH_CALL("writable", writable),
    TINYTORCH_CALL("item", item),
    TINYTORCH_CALL("fill", fill),
    TINYTORCH_CALL("copyFrom", copy_from),
#include "operations.inc"
    TINYTORCH_CALL("matmul", matmul),
    TINYTORCH_CALL("allclose", allclose),
    TINYTORCH_CALL("maxAbsDiff", max_abs_diff),

    TINYTORCH_CALL("detach", detached),
    TINYTORCH_CALL("requiresGrad", is_recorded),
    TINYTORCH_CALL("setRequiresGrad", mark),
    TINYTORCH_CALL("grad", gradient),
    TINYTORCH_CALL("setGrad", replace_gradient),
    TINYTORCH_CALL("backward", go_back),
    TINYTORCH_CALL("gradEnabled", grad_enabled),
    TINYTORCH_CALL("setGradEnabled", set_grad_enabled),
    TINYTORCH_CALL("setAnomalyDetection", set_anomaly_detection),
    {},
};

EMSCRIPTEN_BINDINGS(tinytorch) { emscripten::function("calls", calls_of_part); }

}  // namespace tinytorch::bindings
