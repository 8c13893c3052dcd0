#include "tune/product_sizes.h"

#include <algorithm>

#include "tune/split.h"

namespace swiglu {

ProductSizes product_sizes(const KernelConfig& config, std::int64_t m, const DeviceSpec& spec) {
  const Problem& problem = config.problem;
  const Product of = product(problem);
  ProductSizes sizes{};
  sizes.rows = static_cast<double>(extent(problem, of.rows, m));
  sizes.columns = product_columns(problem);
  sizes.splits = 1;
  std::int64_t depth = extent(problem, of.depth, m);
  if (is_dw(problem.pass)) {
    const TokenSplit split = split_tokens(problem, is_dw_of_both(problem.pass) ? 2 : 1, m, spec.multiprocessors);
    sizes.splits = split.splits;
    depth = std::min<std::int64_t>(depth, split.tokens);
  }
  sizes.depth = static_cast<double>(depth * of.segments);
  sizes.steps = ceil_div(depth, config.tile.k) * of.segments;
  sizes.b_matrices = of.halves == Halves::matrices ? 2 : 1;
  sizes.element_reads = problem.pass == Pass::recompute ? 1 : 0;
  switch (problem.pass) {
    case Pass::forward:
      sizes.element_bytes = kElementBytes;
      break;
    case Pass::forward_store:
      sizes.element_bytes = 3 * kElementBytes;
      break;
    case Pass::dw:
    case Pass::dw_single:
    case Pass::dgate_dw:
      sizes.element_bytes = 2.0 * (sizes.splits > 1 ? 4 : gradient_bytes(problem));
      break;
    default:
      sizes.element_bytes = 2 * kElementBytes;
  }
  return sizes;
}

}  // namespace swiglu
