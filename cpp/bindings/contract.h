#pragma once

// What C++ and JavaScript must agree on beside the functions' names: limits, the numbers of enumerators, and the order
// of the numbers that a call leaves in the exchange buffer. describe.cpp tells it to scripts/generate.mjs, which writes
// it down for TypeScript.

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "tinytorch/error.h"
#include "tinytorch/nn.h"
#include "tinytorch/ops.h"
#include "tinytorch/train.h"

namespace tinytorch::bindings {

/// How many numbers the exchange buffer holds.
inline constexpr std::size_t kExchangeLength = 1024;

/// In place of an error's number: nothing of the module can be used after it.
inline constexpr int kFatal = -1;
/// The number of an exception that is not the library's.
inline constexpr int kForeign = 0;
[[nodiscard]] constexpr int number_of(ErrorCode code) noexcept { return static_cast<int>(code) + 1; }

/// The names that JavaScript has for enumerators.
template <class Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;
inline constexpr Names<ErrorCode, 9> kErrorNames{{{ErrorCode::invalid_argument, "invalid_argument"},
                                                  {ErrorCode::shape, "shape"},
                                                  {ErrorCode::dtype, "dtype"},
                                                  {ErrorCode::unknown_kernel, "unknown_kernel"},
                                                  {ErrorCode::kernel_unavailable, "kernel_unavailable"},
                                                  {ErrorCode::overflow, "overflow"},
                                                  {ErrorCode::out_of_memory, "out_of_memory"},
                                                  {ErrorCode::autograd, "autograd"},
                                                  {ErrorCode::io, "io"}}};
inline constexpr Names<ops::Reduction, 2> kReductionNames{
    {{ops::Reduction::mean, "mean"}, {ops::Reduction::sum, "sum"}}};
inline constexpr Names<train::Loss, 3> kLossNames{{{train::Loss::cross_entropy, "cross_entropy"},
                                                   {train::Loss::mse, "mse"},
                                                   {train::Loss::binary_cross_entropy, "binary_cross_entropy"}}};
inline constexpr Names<train::Schedule, 3> kScheduleNames{
    {{train::Schedule::constant, "constant"}, {train::Schedule::step, "step"}, {train::Schedule::cosine, "cosine"}}};
inline constexpr Names<train::Confusion, 3> kConfusionNames{{{train::Confusion::where_small, "where_small"},
                                                             {train::Confusion::always, "always"},
                                                             {train::Confusion::never, "never"}}};
inline constexpr Names<nn::Init, 4> kInitNames{{{nn::Init::kaiming_uniform, "kaiming_uniform"},
                                                {nn::Init::kaiming_normal, "kaiming_normal"},
                                                {nn::Init::xavier_uniform, "xavier_uniform"},
                                                {nn::Init::xavier_normal, "xavier_normal"}}};

/// What JavaScript makes of the number that a function returns.
enum class Gives : int { number, truth, text };
inline constexpr Names<Gives, 3> kGivesNames{
    {{Gives::number, "number"}, {Gives::truth, "truth"}, {Gives::text, "text"}}};

/// Numbers that cross together, by their names.
template <std::size_t N>
struct Record {
  std::string_view name;
  std::array<std::string_view, N> fields;
  /// Where a field is; a name that it has not does not compile.
  [[nodiscard]] consteval std::size_t at(std::string_view field) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (fields[i] == field) return i;
    }
    throw "no such field";
  }
};

/// Values in the module's memory.
inline constexpr Record<2> kArray{"array", {"address", "count"}};
inline constexpr Record<2> kBatch{"batch", {"features", "labels"}};
inline constexpr Record<4> kMemory{"memory", {"storages", "bytes", "peakBytes", "pooledBytes"}};
inline constexpr Record<2> kProfile{"profile", {"count", "wallMs"}};
inline constexpr Record<5> kProfileRow{"profileRow", {"calls", "totalMs", "selfMs", "share", "flops"}};
/// The output's sizes follow.
inline constexpr Record<4> kSummaryRow{"summaryRow", {"parameters", "flops", "bytes", "ndim"}};
inline constexpr Record<4> kGradientRow{"gradientRow", {"mean", "norm", "largest", "zeros"}};
/// From JavaScript.
inline constexpr Record<10> kTrainOptions{"trainOptions",
                                          {"epochs", "loss", "clipNorm", "accumulate", "schedule", "scheduleEvery",
                                           "scheduleFactor", "scheduleLowest", "warmup", "patience"}};
inline constexpr Record<15> kProgress{
    "progress",
    {"epoch", "epochs", "batch", "batches", "steps", "loss", "accuracy", "epochLoss", "epochAccuracy",
     "samplesPerSecond", "seconds", "secondsLeft", "epochEnded", "finished", "stoppedEarly"}};
inline constexpr Record<2> kEvaluatorStep{"evaluatorStep", {"isMore", "done"}};
/// The predictions have 32 bits each, the confusion's counts 64; of the latter there are classes x classes, or none.
inline constexpr Record<7> kEvaluation{
    "evaluation", {"loss", "accuracy", "samples", "predictionsAt", "predictionCount", "confusionAt", "classes"}};

}  // namespace tinytorch::bindings
