#include "tensor/check.h"
#include "tinytorch/nn.h"

namespace tinytorch::nn {

namespace {

SummaryRow row_of(const Module& module, const Shape& output) {
  SummaryRow row{std::string(module.name()), output};
  for (const Tensor& t : module.parameters()) {
    row.parameters += t.numel();
    row.bytes += t.numel() * static_cast<std::int64_t>(size_of(t.dtype()));
  }
  return row;
}

}  // namespace

Shape Module::describe(const Shape& in, std::vector<SummaryRow>& rows) const {
  rows.push_back(row_of(*this, in));
  return in;
}

Shape Dense::describe(const Shape& in, std::vector<SummaryRow>& rows) const {
  if (in.empty() || in[in.size() - 1] != in_) {
    detail::fail(ErrorCode::shape, {name_, ": the input's last axis must be ", in_, ", x is ", in});
  }
  Shape out = in;
  out[out.size() - 1] = out_;
  SummaryRow row = row_of(*this, out);
  const auto samples = static_cast<double>(numel(in)) / static_cast<double>(in_);
  row.flops = samples * static_cast<double>(out_) * (2.0 * static_cast<double>(in_) + (bias_.defined() ? 1 : 0));
  rows.push_back(std::move(row));
  return out;
}

Shape Flatten::describe(const Shape& in, std::vector<SummaryRow>& rows) const {
  if (in.empty()) detail::fail(ErrorCode::shape, {"Flatten: needs at least one axis, x is []"});
  const Shape out{in[0], in[0] == 0 ? 0 : numel(in) / in[0]};
  rows.push_back(row_of(*this, out));
  return out;
}

Shape Sequential::describe(const Shape& in, std::vector<SummaryRow>& rows) const {
  Shape at = in;
  for (const ModulePtr& layer : layers_) at = layer->describe(at, rows);
  return at;
}

std::vector<SummaryRow> summary(const Module& module, const Shape& input) {
  std::vector<SummaryRow> rows;
  SummaryRow total{"total", module.describe(input, rows)};
  for (const SummaryRow& row : rows) {
    total.parameters += row.parameters;
    total.flops += row.flops;
    total.bytes += row.bytes;
  }
  rows.push_back(std::move(total));
  return rows;
}

}  // namespace tinytorch::nn
