// Prints, as JSON, what the package's TypeScript is generated from (scripts/generate.mjs): the table of operations, and
// what both sides of the border agree on. A native program.

#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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

/// The name of an enumerator, which the compiler writes into the name of this function. Empty if no enumerator has the
/// value: the compiler then writes a cast.
template <auto Value>
consteval std::string_view enumerator() {
  std::string_view text = __PRETTY_FUNCTION__;
  text.remove_prefix(text.find("Value = ") + 8);
  text = text.substr(0, text.find_first_of(";]"));
  return text.front() == '(' ? std::string_view() : text.substr(text.rfind(':') + 1);
}

/// The names of the enumerators 0, 1, ... of an enumeration.
template <class Enum, int Value = 0>
std::vector<std::string_view> enumerators() {
  constexpr std::string_view name = enumerator<static_cast<Enum>(Value)>();
  if constexpr (name.empty()) {
    return {};
  } else {
    std::vector<std::string_view> all = enumerators<Enum, Value + 1>();
    all.insert(all.begin(), name);
    return all;
  }
}

template <class Enum>
std::string name_in_json(Enum value) {
  return quoted(enumerators<Enum>()[static_cast<std::size_t>(value)]);
}

template <class Enum>
std::string names() {
  return list(enumerators<Enum>(), quoted);
}

std::string parameter(const detail::Parameter& p) {
  std::string text = std::string("{\"name\": ") + quoted(p.name) + ", \"kind\": " + name_in_json(p.kind);
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
         ", \"place\": " + name_in_json(o.text.place) + ", \"isMember\": " + (o.is_member ? "true" : "false") +
         ", \"takesNumber\": " + (o.text.takes_number ? "true" : "false") +
         ", \"hasGradient\": " + (o.text.has_gradient ? "true" : "false") + ", \"lowest\": " + number(o.text.lowest) +
         ", \"highest\": " + number(o.text.highest) + ", \"dtypes\": " + list(dtypes, quoted) +
         ", \"parameters\": " + list(std::span(o.parameters).first(o.count), parameter) + "}";
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
  for (const auto& [name, words] : {std::pair{"dtypes", names<DType>()},
                                    {"errors", names<ErrorCode>()},
                                    {"reductions", names<ops::Reduction>()},
                                    {"losses", names<train::Loss>()},
                                    {"schedules", names<train::Schedule>()},
                                    {"confusions", names<train::Confusion>()},
                                    {"inits", names<nn::Init>()},
                                    {"gives", names<Gives>()}}) {
    std::printf(" \"%s\": %s,\n", name, words.c_str());
  }
  std::printf(" \"exchangeLength\": %zu,\n \"fatal\": %d,\n \"autoKernel\": %d,\n \"maxRank\": %zu,\n", kExchangeLength,
              kFatal, kAutoKernel, Dims::kMaxRank);
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
