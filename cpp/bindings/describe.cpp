// Prints, as JSON, what the package's TypeScript is generated from (scripts/generate.mjs): the table of operations, and
// what both sides of the border agree on. A native program.

#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "contract.h"
#include "ops/row.h"
#include "tinytorch/dtype.h"
#include "tinytorch/shape.h"

namespace tinytorch::bindings {
namespace {

std::string quoted(std::string_view text) {
  std::string result(1, '"');
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

/// `items` as a JSON array of what `f` makes of each.
template <class Items, class F>
std::string list(const Items& items, const F& f) {
  std::string result = "[";
  for (const auto& item : items) {
    if (result.size() > 1) result += ", ";
    result += f(item);
  }
  return result + "]";
}

std::string number(double value) {
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

constexpr const char* kind_names[] = {"tensor", "out",   "axes",      "shape",  "integer",
                                      "real",   "dtype", "reduction", "product"};
constexpr const char* place_names[] = {"method", "internal", "none"};

std::string parameter(const detail::Parameter& p) {
  std::string text =
      std::string("{\"name\": ") + quoted(p.name) + ", \"kind\": " + quoted(kind_names[static_cast<int>(p.kind)]);
  if (p.has_default) text.append(", \"default\": ").append(number(p.default_value));
  if (p.has_least) text.append(", \"least\": ").append(number(p.least));
  return text + "}";
}

std::string operation(const detail::Operation& o) {
  std::vector<std::string_view> dtypes;
  for (const DType dtype : kAllDTypes) {
    if (o.op.dtypes.contains(dtype)) dtypes.push_back(name_of(dtype));
  }
  return std::string("{\"name\": ") + quoted(o.op.name) + ", \"summary\": " + quoted(o.text.summary) +
         ", \"place\": " + quoted(place_names[static_cast<int>(o.text.place)]) +
         ", \"isMember\": " + (o.is_member ? "true" : "false") +
         ", \"takesNumber\": " + (o.text.takes_number ? "true" : "false") +
         ", \"hasGradient\": " + (o.text.has_gradient ? "true" : "false") + ", \"lowest\": " + number(o.text.lowest) +
         ", \"highest\": " + number(o.text.highest) + ", \"dtypes\": " + list(dtypes, quoted) +
         ", \"parameters\": " + list(std::span(o.parameters).first(o.count), parameter) + "}";
}

template <class Enum, std::size_t N>
std::string names(const Names<Enum, N>& all, int first = 0) {
  return list(all, [&](const auto& each) {
    return std::string("[") + std::to_string(static_cast<int>(each.first) + first) + ", " + quoted(each.second) + "]";
  });
}

template <std::size_t N>
std::string record(const Record<N>& r) {
  return std::string("  ") + quoted(r.name) + ": " + list(r.fields, quoted);
}

void print() {
  std::vector<const detail::Operation*> operations;
  for (const detail::Family& family : detail::families()) {
    for (const detail::Operation& each : family) operations.push_back(&each);
  }
  const std::string table = list(operations, [](const auto* o) { return "\n  " + operation(*o); });
  std::printf("{\"operations\": %s,\n", table.c_str());
  const std::string dtypes = list(kAllDTypes, [](DType d) { return quoted(name_of(d)); });
  std::printf(" \"dtypes\": %s,\n \"errors\": %s,\n", dtypes.c_str(),
              names(kErrorNames, number_of(ErrorCode{})).c_str());
  std::printf(
      " \"reductions\": %s,\n \"losses\": %s,\n \"schedules\": %s,\n \"confusions\": %s,\n \"inits\": %s,\n \"gives\": "
      "%s,\n",
      names(kReductionNames).c_str(), names(kLossNames).c_str(), names(kScheduleNames).c_str(),
      names(kConfusionNames).c_str(), names(kInitNames).c_str(), names(kGivesNames).c_str());
  std::printf(" \"exchangeLength\": %zu,\n \"fatal\": %d,\n \"autoKernel\": %d,\n \"maxRank\": %zu,\n", kExchangeLength,
              kFatal, kAutoKernel, Dims::max_rank);
  const std::string rungs = list(kernels(), [](const KernelInfo& k) { return quoted(k.name); });
  std::printf(" \"kernels\": %s,\n", rungs.c_str());
  std::printf(" \"records\": {\n");
  for (const std::string& each :
       {record(kArray), record(kBatch), record(kMemory), record(kProfile), record(kProfileRow), record(kSummaryRow),
        record(kGradientRow), record(kTrainOptions), record(kProgress), record(kEvaluatorStep)}) {
    std::printf("%s,\n", each.c_str());
  }
  std::printf("%s}}\n", record(kEvaluation).c_str());
}

}  // namespace
}  // namespace tinytorch::bindings

int main() { tinytorch::bindings::print(); }
