#pragma once

// Views with gradients, softmax, products, losses and layers. tests/reference/layers.ts is the same in TypeScript.
#include "operations.h"

namespace tinytorch::reference {

// ---- Views: the same change, done to a tensor that counts its own elements, tells which element is where ----

inline Ref viewed(const Ref& a, const std::function<Ref(const Ref&)>& change) {
  Numbers count(a->size());
  std::iota(count.begin(), count.end(), 0.0);
  return moved(a, change(a), change(make(count, a->shape, DType::float64))->values());
}

inline Ref copied(const Ref& a, DType dtype) {
  const Ref copy = convert(a, dtype);
  if (!is_floating(dtype)) return copy;
  Numbers count(a->size());
  std::iota(count.begin(), count.end(), 0.0);
  return moved(a, copy, count);
}

// ---- Softmax ----

/// exp(x - max) / sum of them, and its logarithm; `relative` is the error of the former in roundings.
struct SoftmaxRow {
  std::vector<std::size_t> places;
  Numbers p, log;
  double relative = 0;
};
/// Shared by the elements of a row, whose gradients need all of it.
using SoftmaxRows = std::vector<std::shared_ptr<const SoftmaxRow>>;
inline SoftmaxRows softmax_rows(const Ref& a, std::int64_t dim) {
  require_floating({a});
  const Numbers x = a->values();
  SoftmaxRows rows;
  for (const auto& places : groups(a->shape, dim, true).members) {
    SoftmaxRow row{places, {}, {}};
    double highest = -HUGE_VAL, lowest = HUGE_VAL, total = 0;
    for (const std::size_t place : places) highest = std::max(highest, x[place]), lowest = std::min(lowest, x[place]);
    for (const std::size_t place : places) total += std::exp(x[place] - highest);
    for (const std::size_t place : places) {
      row.p.push_back(std::exp(x[place] - highest) / total);
      row.log.push_back(x[place] - highest - std::log(total));
    }
    row.relative = static_cast<double>(places.size()) + 8 + 2 * std::min(highest - lowest, 800.0);
    rows.push_back(std::make_shared<const SoftmaxRow>(std::move(row)));
  }
  return rows;
}

inline Ref softmax(const Ref& a, std::int64_t dim, bool is_log) {
  const SoftmaxRows rows = softmax_rows(a, dim);
  std::vector<std::pair<std::size_t, std::size_t>> at(a->size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t j = 0; j < rows[r]->places.size(); ++j) at[rows[r]->places[j]] = {r, j};
  }
  return compute({a}, a->shape, a->dtype(), [&](std::size_t place) -> Element {
    const std::shared_ptr<const SoftmaxRow> row = rows[at[place].first];
    const std::size_t i = at[place].second;
    const double value = is_log ? row->log[i] : row->p[i], scale = is_log ? 1 : value;
    const double error = epsilon(a->dtype()) * (row->relative * scale + std::abs(value)) + tiny(a->dtype());
    return {value, error, [=] {
              std::vector<Slope> slopes;
              for (std::size_t j = 0; j < row->p.size(); ++j) {
                const double same = i == j ? 1 : 0;
                slopes.push_back(
                    {0, row->places[j], scale * (same - row->p[j]), scale * (same + row->p[j]) * row->relative});
              }
              return slopes;
            }};
  });
}

// ---- Products ----

/// |x|, and more where x itself is not exact: what an error of a product with x is relative to.
inline Numbers reach(const Ref& a) {
  Numbers result = a->values();
  const Numbers off = a->errors();
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = std::abs(result[i]) + off[i] / epsilon(a->dtype());
  return result;
}

/// NumPy's matmul: leading axes broadcast, a vector is a row on the left and a column on the right. The bias, [n], is
/// one more term of each sum.
inline Ref matmul(const Ref& a, const Ref& b, const Ref& bias = nullptr) {
  require_floating({a, b});
  if (a->shape.empty() || b->shape.empty()) throw Refused("matmul: a scalar");
  Sizes left = a->shape, right = b->shape;
  if (left.size() == 1) left.insert(left.begin(), 1);
  if (right.size() == 1) right.push_back(1);
  const std::int64_t m = left[left.size() - 2], k = left.back(), n = right.back();
  if (right[right.size() - 2] != k) throw Refused("matmul: inner dimensions");
  const Sizes batch = broadcast(Sizes(left.begin(), left.end() - 2), Sizes(right.begin(), right.end() - 2));
  Sizes shape = batch, full = batch;
  if (a->shape.size() > 1) shape.push_back(m);
  if (b->shape.size() > 1) shape.push_back(n);
  full.insert(full.end(), {m, n});
  if (bias && (bias->shape != Sizes{n} || bias->dtype() != a->dtype())) throw Refused("matmul: bias");
  const std::vector<Sizes> every = indices(full);
  const Numbers x = a->values(), y = b->values(), z = bias ? bias->values() : Numbers();
  const auto rx = std::make_shared<Numbers>(reach(a)), ry = std::make_shared<Numbers>(reach(b));
  const auto px = std::make_shared<Numbers>(x), py = std::make_shared<Numbers>(y);
  std::vector<Ref> inputs{a, b};
  if (bias) inputs.push_back(bias);
  return compute(inputs, shape, a->dtype(), [&](std::size_t i) -> Element {
    Sizes index = every[i], other = every[i];
    const auto column = static_cast<std::size_t>(index.back());
    std::vector<std::pair<std::size_t, std::size_t>> places;
    Numbers terms;
    for (std::int64_t p = 0; p < k; ++p) {
      index.back() = p;
      other[other.size() - 2] = p;
      places.emplace_back(flat(left, index), flat(right, other));
      terms.push_back(x[places.back().first] * y[places.back().second]);
    }
    if (bias) terms.push_back(z[column]);
    const Sum sum = sum_of(terms, a->dtype());
    return {sum.value, sum.error, [=, has_bias = bias != nullptr] {
              std::vector<Slope> slopes;
              for (const auto& [p, q] : places) {
                slopes.push_back({0, p, (*py)[q], (*ry)[q]});
                slopes.push_back({1, q, (*px)[p], (*rx)[p]});
              }
              if (has_bias) slopes.push_back({2, column, 1, 1});
              return slopes;
            }};
  });
}

// ---- Losses ----

inline double weight_of(bool mean, std::size_t count) { return mean ? 1 / static_cast<double>(count) : 1; }

inline Ref mse_loss(const Ref& x, const Ref& target, bool mean) {
  require_floating({x, target});
  if (x->shape != target->shape) throw Refused("mse_loss: shapes");
  const double weight = weight_of(mean, x->size());
  Numbers d = x->values(), squares;
  const Numbers wanted = target->values();
  for (std::size_t i = 0; i < d.size(); ++i) d[i] -= wanted[i];
  for (const double each : d) squares.push_back(each * each);
  const Sum sum = sum_of(squares, x->dtype());
  const double count = static_cast<double>(d.size()) + 8;
  return compute({x, target}, {}, x->dtype(), [&](std::size_t) -> Element {
    return {sum.value * weight, count * epsilon(x->dtype()) * sum.size * weight + tiny(x->dtype()), [=] {
              std::vector<Slope> slopes;
              for (std::size_t i = 0; i < d.size(); ++i) {
                const double slope = 2 * d[i] * weight;
                slopes.push_back({0, i, slope, std::abs(slope)});
                slopes.push_back({1, i, -slope, std::abs(slope)});
              }
              return slopes;
            }};
  });
}

inline Ref cross_entropy(const Ref& logits, const Ref& labels, bool mean) {
  if (!is_floating(logits->dtype()) || labels->dtype() != DType::int32) throw Refused("cross_entropy: dtypes");
  if (logits->shape.size() != 2 || labels->shape != Sizes{logits->shape[0]}) throw Refused("cross_entropy: shapes");
  const Numbers label = labels->values();
  for (const double each : label) {
    if (each < 0 || each >= static_cast<double>(logits->shape[1])) throw Refused("cross_entropy: a label");
  }
  const SoftmaxRows rows = softmax_rows(logits, 1);
  const double weight = weight_of(mean, rows.size());
  Numbers losses;
  double rough = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    losses.push_back(-rows[i]->log[static_cast<std::size_t>(label[i])]);
    rough = std::max(rough, rows[i]->relative);
  }
  const Sum sum = sum_of(losses, logits->dtype());
  const auto n = static_cast<double>(rows.size());
  const double error = epsilon(logits->dtype()) * weight * (n * rough + (n + 8) * sum.size) + tiny(logits->dtype());
  return compute({logits}, {}, logits->dtype(), [&](std::size_t) -> Element {
    return {sum.value * weight, error, [=] {
              std::vector<Slope> slopes;
              for (std::size_t i = 0; i < rows.size(); ++i) {
                for (std::size_t j = 0; j < rows[i]->p.size(); ++j) {
                  const double hit = static_cast<double>(j) == label[i] ? 1 : 0, p = rows[i]->p[j];
                  slopes.push_back({0, rows[i]->places[j], (p - hit) * weight, (p + hit) * weight * rows[i]->relative});
                }
              }
              return slopes;
            }};
  });
}

/// y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis.
inline Ref layer_norm(const Ref& x, const Ref& weight, const Ref& bias, double eps) {
  if (x->shape.empty() || x->shape.back() != weight->shape[0]) throw Refused("layer_norm: features");
  require_floating({x, weight});
  const Numbers values = x->values(), off = reach(x), w = weight->values(), b = bias->values();
  struct Row {
    std::vector<std::size_t> places;
    Numbers normal;
    double scale, rough;
  };
  const auto n = static_cast<double>(weight->size());
  std::vector<std::shared_ptr<const Row>> rows;
  for (const auto& places : groups(x->shape, -1, false).members) {
    double mean = 0, variance = 0, most = 0;
    for (const std::size_t place : places) mean += values[place] / n;
    for (const std::size_t place : places) variance += (values[place] - mean) * (values[place] - mean) / n;
    const double scale = 1 / std::sqrt(variance + eps);
    Row row{places, {}, scale, 0};
    for (const std::size_t place : places) row.normal.push_back((values[place] - mean) * scale);
    for (const std::size_t place : places) most = std::max(most, off[place]);
    // The mean's rounding errors are relative to the largest element; the normal values are `scale` times as far off.
    row.rough = (n + 8) * (1 + most * scale);
    rows.push_back(std::make_shared<const Row>(std::move(row)));
  }
  return compute({x, weight, bias}, x->shape, x->dtype(), [&](std::size_t i) -> Element {
    const std::shared_ptr<const Row> row = rows[i / weight->size()];
    const std::size_t column = i % weight->size();
    const double y = row->normal[column], factor = w[column], value = y * factor + b[column];
    const double error =
        epsilon(x->dtype()) * (std::abs(factor) * row->rough * (1 + std::abs(y)) + std::abs(value)) + tiny(x->dtype());
    return {value, error, [=] {
              std::vector<Slope> slopes;
              for (std::size_t j = 0; j < row->places.size(); ++j) {
                const double same = j == column ? 1 : 0, along = y * row->normal[j] / n;
                slopes.push_back({0, row->places[j], factor * row->scale * (same - 1 / n - along),
                                  std::abs(factor) * row->scale * (same + 3 / n + std::abs(along)) * row->rough});
              }
              slopes.push_back({1, column, y, std::abs(y) + row->rough});
              slopes.push_back({2, column, 1, 1});
              return slopes;
            }};
  });
}

}  // namespace tinytorch::reference
