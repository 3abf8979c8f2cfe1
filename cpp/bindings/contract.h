#pragma once

// What C++ and JavaScript must agree on beside the functions' names and the enumerators: limits, and the order of the
// numbers that a call leaves in the exchange buffer. describe.cpp prints all this, and scripts/generate.mjs writes
// it down for TypeScript (web/src/contract.ts).

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

/// Takes the place of an error's number if nothing of the module can be used afterwards.
inline constexpr int kFatal = -1;
/// The number of an exception that is not the library's.
inline constexpr int kForeign = 0;
[[nodiscard]] constexpr int number_of(ErrorCode code) noexcept { return static_cast<int>(code) + 1; }

/// What JavaScript makes of the number that a function returns.
enum class Gives : int { number, truth, text };

/// The names of numbers that are sent together.
template <std::size_t N>
struct Record {
  std::string_view name;
  std::array<std::string_view, N> fields;
  /// The place of a field. An unknown name does not compile.
  [[nodiscard]] consteval std::size_t at(std::string_view field) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (fields[i] == field) return i;
    }
    throw "no such field";
  }
};

/// An array in the module's memory.
inline constexpr Record<2> kArray{"array", {"address", "count"}};
inline constexpr Record<2> kBatch{"batch", {"features", "labels"}};
inline constexpr Record<4> kMemory{"memory", {"storages", "bytes", "peakBytes", "pooledBytes"}};
inline constexpr Record<2> kProfile{"profile", {"count", "wallMs"}};
inline constexpr Record<5> kProfileRow{"profileRow", {"calls", "totalMs", "selfMs", "share", "flops"}};
/// The output's sizes follow it in the buffer.
inline constexpr Record<4> kSummaryRow{"summaryRow", {"parameters", "flops", "bytes", "ndim"}};
inline constexpr Record<4> kGradientRow{"gradientRow", {"mean", "norm", "largest", "zeros"}};
/// JavaScript sends this one.
inline constexpr Record<10> kTrainOptions{"trainOptions",
                                          {"epochs", "loss", "clipNorm", "accumulate", "schedule", "scheduleEvery",
                                           "scheduleFactor", "scheduleLowest", "warmup", "patience"}};
inline constexpr Record<15> kProgress{
    "progress",
    {"epoch", "epochs", "batch", "batches", "steps", "loss", "accuracy", "epochLoss", "epochAccuracy",
     "samplesPerSecond", "seconds", "secondsLeft", "epochEnded", "finished", "stoppedEarly"}};
inline constexpr Record<2> kEvaluatorStep{"evaluatorStep", {"isMore", "done"}};
/// Each prediction has 32 bits. The table of confusion has classes x classes counts of 64 bits; if there is none,
/// `classes` is 0.
inline constexpr Record<7> kEvaluation{
    "evaluation", {"loss", "accuracy", "samples", "predictionsAt", "predictionCount", "confusionAt", "classes"}};

}  // namespace tinytorch::bindings
