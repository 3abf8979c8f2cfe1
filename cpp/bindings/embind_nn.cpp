// The table of functions that JavaScript calls, second part: layers.

#include <memory>
#include <string>
#include <vector>

#include "bridge.h"
#include "tinytorch/autograd.h"
#include "tinytorch/io.h"
#include "tinytorch/nn.h"

namespace tinytorch::bindings {
namespace {

template <class Layer, class... Arguments>
Handle make(Arguments... arguments) {
  return guarded([=] { return give_object<nn::ModulePtr>(std::make_shared<Layer>(arguments...)); });
}
Handle dense(double in, double out, bool bias, int dtype) {
  return make<nn::Dense>(to_integer(in), to_integer(out), bias, static_cast<DType>(dtype));
}
Handle layer_norm(double features, double eps, int dtype) {
  return make<nn::LayerNorm>(to_integer(features), eps, static_cast<DType>(dtype));
}
/// The layers' handles come as a list.
Handle sequential(int count) {
  return guarded([=] {
    std::vector<nn::ModulePtr> layers;
    for (const Handle layer : received_handles(count)) layers.push_back(object<nn::ModulePtr>(layer));
    return give_object<nn::ModulePtr>(std::make_shared<nn::Sequential>(std::move(layers)));
  });
}

Handle forward(Handle m, Handle x, Handle out) {
  return guarded([=] {
    if (!out) return give(module(m).forward(tensor(x)));
    static_cast<void>(module(m).forward_into(tensor(x), tensor(out)));
    return out;
  });
}
Handle set_kernel(Handle m, KernelId kernel) {
  return done([=] { module(m).set_kernel(kernel); });
}
Handle set_training(Handle m, bool training) {
  return done([=] { module(m).set_training(training); });
}
Text module_name(Handle m) {
  return guarded([=] { return send_text(module(m).name()); });
}

int is_training(Handle m) { return module(m).training(); }
/// For a layer whose forward pass ran in JavaScript: writes y into `out`, under the rules of forward_into().
Handle write_out(Handle y, Handle out) {
  return guarded([=] {
    nn::write_into(tensor(y), tensor(out), "forward");
    return out;
  });
}

/// A list of names and tensors, which the functions for files read (embind_files.cpp).
Handle named_parameters(Handle m) {
  return guarded([=] { return give_object<io::TensorFile>({module(m).named_parameters(), {}}); });
}
/// The same with every name of a tensor that is used in several places.
Handle named_state(Handle m) {
  return guarded([=] { return give_object<io::TensorFile>({module(m).named_state(), {}}); });
}
/// A number that is the same for two handles of the same tensor.
Handle identity(Handle a) { return reinterpret_cast<Handle>(tensor(a).impl().get()); }
Handle initialize(Handle weight, int how) {
  return done([=] { nn::initialize(tensor(weight), static_cast<nn::Init>(how)); });
}

std::vector<nn::SummaryRow> summary_rows;
/// The input's shape comes in the exchange buffer; exchange[0] is then the number of rows.
Handle summary(Handle m, int ndim) {
  return done([=] {
    summary_rows = nn::summary(module(m), received_dims(ndim));
    exchange[0] = static_cast<double>(summary_rows.size());
  });
}
/// Sends a `summaryRow`, the output's sizes behind it, and the name.
Text summary_row(int index) {
  const nn::SummaryRow& row = summary_rows[static_cast<std::size_t>(index)];
  send(kSummaryRow, {static_cast<double>(row.parameters), row.flops, static_cast<double>(row.bytes),
                     static_cast<double>(row.output.size())});
  for (std::size_t i = 0; i < row.output.size(); ++i)
    exchange[kSummaryRow.fields.size() + i] = static_cast<double>(row.output[i]);
  return send_text(std::string_view(row.name));
}

std::vector<nn::GradientStats> kept_stats;
/// `list` has the parameters. exchange[0]: their number.
Handle gradient_stats(Handle list) {
  return done([=] {
    kept_stats = nn::gradient_stats(object<io::TensorFile>(list).tensors);
    exchange[0] = static_cast<double>(kept_stats.size());
  });
}
/// Sends a `gradientRow` and the name.
Text gradient_row(int index) {
  const nn::GradientStats& row = kept_stats[static_cast<std::size_t>(index)];
  send(kGradientRow, {row.mean, row.norm, row.largest, row.zeros});
  return send_text(std::string_view(row.name));
}
Text gradient_warning(int index) {
  return send_text(std::string_view(kept_stats[static_cast<std::size_t>(index)].warning));
}

}  // namespace

const Call calls_nn[] = {
    TINYTORCH_CALL("dense", dense),
    TINYTORCH_CALL("reluLayer", make<nn::ReLU>),
    TINYTORCH_CALL("sigmoidLayer", make<nn::Sigmoid>),
    TINYTORCH_CALL("tanhLayer", make<nn::Tanh>),
    TINYTORCH_CALL("geluLayer", make<nn::GELU>),
    TINYTORCH_CALL("softmaxLayer", make<nn::Softmax, int>),
    TINYTORCH_CALL("dropout", make<nn::Dropout, double>),
    TINYTORCH_CALL("layerNorm", layer_norm),
    TINYTORCH_CALL("flatten", make<nn::Flatten>),
    TINYTORCH_CALL("sequential", sequential),
    TINYTORCH_CALL("releaseModule", release<nn::ModulePtr>),
    TINYTORCH_CALL("forward", forward),
    TINYTORCH_CALL("setKernel", set_kernel),
    TINYTORCH_CALL("setTraining", set_training),
    TINYTORCH_CALL("isTraining", is_training),
    TINYTORCH_CALL("writeOut", write_out),
    TINYTORCH_CALL("moduleName", module_name),
    TINYTORCH_CALL("namedParameters", named_parameters),
    TINYTORCH_CALL("namedState", named_state),
    TINYTORCH_CALL("identity", identity),
    TINYTORCH_CALL("initialize", initialize),
    TINYTORCH_CALL("summary", summary),
    TINYTORCH_CALL("summaryRow", summary_row),
    TINYTORCH_CALL("gradientStats", gradient_stats),
    TINYTORCH_CALL("gradientRow", gradient_row),
    TINYTORCH_CALL("gradientWarning", gradient_warning),
    {},
};

}  // namespace tinytorch::bindings
