#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tinytorch/tensor.h"

/// Data sets and batches.
namespace tinytorch::data {

/// The array of an IDX file (the format of MNIST) as uint8: [60000,28,28] images or [60000] labels. Of the format's
/// element types only 8, unsigned bytes, is read; 1 to 8 axes. The sizes must account for every byte of the file.
/// Throws Error(io) that says what is wrong, Error(overflow) or Error(out_of_memory) for an array too large for this
/// machine.
[[nodiscard]] Tensor read_idx(std::span<const std::byte> file);

/// Pairs of features [n, ...] (float32, float64 or uint8) and labels [n] (int32 or uint8, or float for regression).
/// Row-major tensors are shared, others are copied; nothing is converted until a batch is made. In a batch, uint8
/// features become (x / 255 - mean) / deviation in float32. Error(shape) where the first axes differ, Error(dtype) for
/// int32 features, Error(invalid_argument) unless mean is finite and deviation finite and above 0.
struct TensorDataset {
  Tensor features, labels;
  double mean = 0, deviation = 1;

  TensorDataset() = default;
  TensorDataset(const Tensor& x, const Tensor& y, double mean_of_pixels = 0, double deviation_of_pixels = 1);
  [[nodiscard]] std::int64_t size() const noexcept { return features.defined() ? features.shape()[0] : 0; }
};

/// Features [b, ...], floating; labels [b], int32 or, where the data set's are floating, of their dtype.
struct Batch {
  Tensor features, labels;
};

struct LoaderOptions {
  std::int64_t batch_size = 64;
  bool shuffle = false;
  bool drop_last = false;
  std::uint64_t seed = 0;
};

/// Cuts a data set into batches, in an order that (seed, epoch) determines. Error(invalid_argument) for a batch size
/// below 1, an epoch below 0 and a batch that does not exist.
class DataLoader {
 public:
  DataLoader(TensorDataset dataset, LoaderOptions options);
  [[nodiscard]] std::int64_t batches() const noexcept;
  [[nodiscard]] const TensorDataset& dataset() const noexcept { return dataset_; }
  [[nodiscard]] const LoaderOptions& options() const noexcept { return options_; }
  /// Draws the epoch's order. A new loader is at epoch 0.
  void set_epoch(std::int64_t epoch);
  [[nodiscard]] std::int64_t epoch() const noexcept { return epoch_; }
  /// The number of samples in the batches [first, last).
  [[nodiscard]] std::int64_t samples(std::int64_t first, std::int64_t last) const noexcept;
  [[nodiscard]] Batch batch(std::int64_t index) const;
  /// The places in the data set of a batch's samples.
  [[nodiscard]] std::span<const std::int32_t> indices(std::int64_t index) const;

 private:
  TensorDataset dataset_;
  LoaderOptions options_;
  std::int64_t epoch_ = 0;
  std::vector<std::int32_t> order_;
};

}  // namespace tinytorch::data
