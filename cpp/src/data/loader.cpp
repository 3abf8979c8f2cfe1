#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/options.h"
#include "parallel/parallel_for.h"
#include "tensor/check.h"
#include "tensor/storage.h"
#include "tensor/views.h"
#include "tinytorch/data.h"
#include "tinytorch/random.h"

namespace tinytorch::data {

namespace {

/// Elements of one sample.
std::size_t sample_size(const Tensor& t) {
  return t.size(0) == 0 ? 0 : static_cast<std::size_t>(t.numel() / t.size(0));
}

/// result[i] = source[rows[i]], with `convert` applied to each element.
template <class To, class From, class Convert>
void gather(const Tensor& source, std::span<const std::int32_t> rows, Tensor& result, Convert convert) {
  const std::size_t size = sample_size(source);
  const From* from = source.data<From>();
  To* to = result.mutable_data<To>();
  detail::parallel_for(rows.size(), 16384 / (size + 1) + 1, [=](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const From* in = from + static_cast<std::size_t>(rows[i]) * size;
      To* out = to + i * size;
      for (std::size_t j = 0; j < size; ++j) out[j] = convert(in[j]);
    }
  });
}

template <class T>
T same(T x) {
  return x;
}

Tensor gather_features(const TensorDataset& dataset, std::span<const std::int32_t> rows, Shape shape) {
  const Tensor& x = dataset.features;
  Tensor result = Tensor::empty(shape, x.dtype() == DType::uint8 ? DType::float32 : x.dtype());
  if (x.dtype() == DType::float32) gather<float, float>(x, rows, result, same<float>);
  if (x.dtype() == DType::float64) gather<double, double>(x, rows, result, same<double>);
  if (x.dtype() == DType::uint8) {
    const auto scale = static_cast<float>(1 / (255 * dataset.deviation));
    const auto shift = static_cast<float>(-dataset.mean / dataset.deviation);
    gather<float, std::uint8_t>(x, rows, result, [=](std::uint8_t v) { return static_cast<float>(v) * scale + shift; });
  }
  return result;
}

Tensor gather_labels(const Tensor& y, std::span<const std::int32_t> rows, Shape shape) {
  Tensor result = Tensor::empty(shape, y.dtype() == DType::uint8 ? DType::int32 : y.dtype());
  if (y.dtype() == DType::float32) gather<float, float>(y, rows, result, same<float>);
  if (y.dtype() == DType::float64) gather<double, double>(y, rows, result, same<double>);
  if (y.dtype() == DType::int32) gather<std::int32_t, std::int32_t>(y, rows, result, same<std::int32_t>);
  if (y.dtype() == DType::uint8) {
    gather<std::int32_t, std::uint8_t>(y, rows, result, [](std::uint8_t v) { return std::int32_t{v}; });
  }
  return result;
}

Shape with_first(Shape shape, std::size_t count) {
  shape[0] = static_cast<std::int64_t>(count);
  return shape;
}

}  // namespace

TensorDataset::TensorDataset(const Tensor& x, const Tensor& y, double mean_of_pixels, double deviation_of_pixels)
    : mean(mean_of_pixels), deviation(deviation_of_pixels) {
  detail::require_defined(x, "TensorDataset", "features");
  detail::require_defined(y, "TensorDataset", "labels");
  if (x.ndim() == 0 || y.ndim() == 0 || x.size(0) != y.size(0)) {
    detail::fail(ErrorCode::shape, {"TensorDataset: features are ", x.shape(), ", labels ", y.shape(),
                                    ": the first axes must be the samples"});
  }
  if (x.dtype() == DType::int32) detail::fail(ErrorCode::dtype, {"TensorDataset: features must not be int32"});
  if (!std::isfinite(mean)) detail::fail(ErrorCode::invalid_argument, {"TensorDataset: the mean is ", mean});
  if (!(deviation > 0 && std::isfinite(deviation))) {
    detail::fail(ErrorCode::invalid_argument, {"TensorDataset: the deviation is ", deviation});
  }
  if (x.size(0) > std::numeric_limits<std::int32_t>::max()) {
    detail::fail(ErrorCode::overflow, {"TensorDataset: ", x.size(0), " samples are more than an int32 counts"});
  }
  features = detail::row_major(x);
  labels = detail::row_major(y);
}

DataLoader::DataLoader(TensorDataset dataset, LoaderOptions options) : dataset_(std::move(dataset)), options_(options) {
  if (options_.batch_size < 1) {
    detail::fail(ErrorCode::invalid_argument, {"DataLoader: the batch size is ", options_.batch_size});
  }
  set_epoch(0);
}

std::int64_t DataLoader::batches() const noexcept {
  const std::int64_t size = dataset_.size(), batch = options_.batch_size;
  return options_.drop_last ? size / batch : size / batch + (size % batch != 0);
}

void DataLoader::set_epoch(std::int64_t epoch) {
  detail::require_whole("DataLoader", "the epoch", epoch, 0);
  order_.resize(static_cast<std::size_t>(dataset_.size()));
  epoch_ = epoch;
  for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<std::int32_t>(i);
  if (!options_.shuffle) return;
  Generator generator(options_.seed, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order_.size(); i > 1; --i)
    std::swap(order_[i - 1], order_[static_cast<std::size_t>(generator.below(i))]);
}

std::span<const std::int32_t> DataLoader::indices(std::int64_t index) const {
  if (index < 0 || index >= batches()) {
    detail::fail(ErrorCode::invalid_argument, {"DataLoader: batch ", index, " of ", batches()});
  }
  const auto first = static_cast<std::size_t>(index * options_.batch_size);
  return std::span(order_).subspan(first, static_cast<std::size_t>(samples(index, index + 1)));
}

std::int64_t DataLoader::samples(std::int64_t first, std::int64_t last) const noexcept {
  // No product can overflow: a batch that exists starts inside the data set.
  const auto begin_of = [this](std::int64_t index) {
    return index <= dataset_.size() / options_.batch_size ? index * options_.batch_size : dataset_.size();
  };
  return begin_of(last) - begin_of(first);
}

Batch DataLoader::batch(std::int64_t index) const {
  const std::span<const std::int32_t> rows = indices(index);
  return {gather_features(dataset_, rows, with_first(dataset_.features.shape(), rows.size())),
          gather_labels(dataset_.labels, rows, with_first(dataset_.labels.shape(), rows.size()))};
}

}  // namespace tinytorch::data
