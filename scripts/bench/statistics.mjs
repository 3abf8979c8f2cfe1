/** The q-quantile by linear interpolation. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export const median = (values) => quantile(values, 0.5);

/** Median, best and the 10 % and 90 % quantiles. */
export const summary = (values) => ({
  median: median(values),
  best: Math.min(...values),
  p10: quantile(values, 0.1),
  p90: quantile(values, 0.9),
});
