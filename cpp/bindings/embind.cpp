// The tables of functions that JavaScript calls, first part: tensors, operations, gradients. They hold entries and
// copies, no logic. The classes and the documentation that users see stand in web/src; bridge.h says how values cross.
// embind_nn.cpp, embind_files.cpp, embind_train.cpp and embind_inspect.cpp go on.

#include <emscripten/bind.h>

#include <algorithm>
#include <optional>

#include "bridge.h"
#include "tinytorch/autograd.h"
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
    exchange[1] = static_cast<double>(tensor(a).numel());
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
Handle to(Handle a, int dtype) {
  return guarded([=] { return give(autograd::to(tensor(a), static_cast<DType>(dtype))); });
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
  return guarded(
      [=] { return give(autograd::slice(tensor(a), dim, to_integer(start), to_integer(stop), to_integer(step))); });
}
template <auto Op>
Handle plain(Handle a) {
  return guarded([=] { return give(Op(tensor(a))); });
}

// ---- Operations: into `out`, which is not recorded, or with a gradient -------------------------------------

/// An operation's name as a template's argument, for errors.
template <std::size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&name)[N]) { std::copy_n(name, N, text); }  // NOLINT(google-explicit-constructor)
};
template <Name Op, auto Into, auto Recorded>
Handle unary(Handle a, Handle out) {
  return guarded([=] {
    if (!out) return give(Recorded(tensor(a)));
    refuse_recording(Op.text, {&tensor(a)});
    static_cast<void>(Into(tensor(a), optional_tensor(out)));
    return out;
  });
}
template <Name Op, auto Into, auto Recorded>
Handle binary(Handle a, Handle b, Handle out) {
  return guarded([=] {
    if (!out) return give(Recorded(tensor(a), tensor(b)));
    refuse_recording(Op.text, {&tensor(a), &tensor(b)});
    static_cast<void>(Into(tensor(a), tensor(b), optional_tensor(out)));
    return out;
  });
}
Handle matmul(Handle a, Handle b, KernelId kernel, Handle out) {
  return guarded([=] {
    if (!out) return give(autograd::matmul(tensor(a), tensor(b), kernel));
    refuse_recording("matmul", {&tensor(a), &tensor(b)});
    ops::matmul_out(tensor(out), tensor(a), tensor(b), {.kernel = kernel});
    return out;
  });
}
template <Name Op, auto Into, auto Recorded>
Handle reduction(Handle a, bool everything, int dim, bool keepdim, Handle out) {
  return guarded([=] {
    const ops::Axes axes{everything ? std::nullopt : std::optional<std::int64_t>(dim), keepdim};
    if (!out) return give(Recorded(tensor(a), axes));
    refuse_recording(Op.text, {&tensor(a)});
    static_cast<void>(Into(tensor(a), axes, optional_tensor(out)));
    return out;
  });
}
/// Gives whole numbers, which have no gradient.
Handle argmax(Handle a, bool everything, int dim, bool keepdim, Handle out) {
  return guarded([=] {
    const ops::Axes axes{everything ? std::nullopt : std::optional<std::int64_t>(dim), keepdim};
    Tensor result = ops::argmax(tensor(a), axes, optional_tensor(out));
    return out ? out : give(std::move(result));
  });
}
template <Name Op, auto Into, auto Recorded>
Handle along(Handle a, int dim, Handle out) {
  return guarded([=] {
    if (!out) return give(Recorded(tensor(a), dim));
    refuse_recording(Op.text, {&tensor(a)});
    static_cast<void>(Into(tensor(a), dim, optional_tensor(out)));
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
    TINYTORCH_CALL("to", to),
    TINYTORCH_CALL("reshape", reshape),
    TINYTORCH_CALL("expand", expand),
    TINYTORCH_CALL("transpose", transpose),
    TINYTORCH_CALL("slice", slice),
    TINYTORCH_CALL("clone", plain<autograd::clone>),
    TINYTORCH_CALL("detach", plain<detach>),

    TINYTORCH_CALL("add", binary<"add", ops::add, autograd::add>),
    TINYTORCH_CALL("sub", binary<"sub", ops::sub, autograd::sub>),
    TINYTORCH_CALL("mul", binary<"mul", ops::mul, autograd::mul>),
    TINYTORCH_CALL("div", binary<"div", ops::div, autograd::div>),
    TINYTORCH_CALL("pow", binary<"pow", ops::pow, autograd::pow>),
    TINYTORCH_CALL("maximum", binary<"maximum", ops::maximum, autograd::maximum>),
    TINYTORCH_CALL("neg", unary<"neg", ops::neg, autograd::neg>),
    TINYTORCH_CALL("abs", unary<"abs", ops::abs, autograd::abs>),
    TINYTORCH_CALL("exp", unary<"exp", ops::exp, autograd::exp>),
    TINYTORCH_CALL("log", unary<"log", ops::log, autograd::log>),
    TINYTORCH_CALL("sqrt", unary<"sqrt", ops::sqrt, autograd::sqrt>),
    TINYTORCH_CALL("relu", unary<"relu", ops::relu, autograd::relu>),
    TINYTORCH_CALL("sigmoid", unary<"sigmoid", ops::sigmoid, autograd::sigmoid>),
    TINYTORCH_CALL("tanh", unary<"tanh", ops::tanh, autograd::tanh>),
    TINYTORCH_CALL("gelu", unary<"gelu", ops::gelu, autograd::gelu>),
    TINYTORCH_CALL("sum", reduction<"sum", ops::sum, autograd::sum>),
    TINYTORCH_CALL("mean", reduction<"mean", ops::mean, autograd::mean>),
    TINYTORCH_CALL("max", reduction<"max", ops::max, autograd::max>),
    TINYTORCH_CALL("argmax", argmax),
    TINYTORCH_CALL("softmax", along<"softmax", ops::softmax, autograd::softmax>),
    TINYTORCH_CALL("logSoftmax", along<"log_softmax", ops::log_softmax, autograd::log_softmax>),
    TINYTORCH_CALL("matmul", matmul),
    TINYTORCH_CALL("allclose", allclose),
    TINYTORCH_CALL("maxAbsDiff", max_abs_diff),

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
