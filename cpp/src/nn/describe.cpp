#include "nn/repeated.h"
#include "tensor/check.h"
#include "tinytorch/nn.h"

namespace tinytorch::nn {

namespace {

void count(SummaryRow& row, const Tensor& parameter, std::int64_t times) {
  row.parameters += times * parameter.numel();
  row.bytes += times * parameter.numel() * static_cast<std::int64_t>(size_of(parameter.dtype()));
}

SummaryRow row_of(const Module& module, const Shape& output) {
  SummaryRow row{std::string(module.name()), output};
  row.held = module.parameters();
  for (const Tensor& t : row.held) count(row, t, 1);
  return row;
}

/// Subtracts from each row the parameters that an earlier row counts.
void count_once(std::vector<SummaryRow>& rows) {
  std::vector<Tensor> all;
  for (const SummaryRow& row : rows) all.insert(all.end(), row.held.begin(), row.held.end());
  const std::vector<bool> again = repeated(all);
  std::size_t i = 0;
  for (SummaryRow& row : rows) {
    for (const Tensor& t : row.held) {
      if (again[i++]) count(row, t, -1);
    }
    row.held.clear();
  }
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
  const Shape out = flattened(in);
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
  count_once(rows);
  for (const SummaryRow& row : rows) {
    total.parameters += row.parameters;
    total.flops += row.flops;
    total.bytes += row.bytes;
  }
  rows.push_back(std::move(total));
  return rows;
}

}  // namespace tinytorch::nn
