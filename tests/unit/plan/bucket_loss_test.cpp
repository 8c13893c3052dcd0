// What a bucket loses: the kernel chosen for its largest m, against the one chosen at exactly m, over all m of the
// suite `llm` on an H200, on paper. (What is measured there: docs/measurements.md.)
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/spelling.h"
#include "plan/bucket.h"
#include "tune/estimate.h"
#include "tune/space.h"

namespace swiglu {
namespace {

constexpr double kMost = 0.05;

struct Sizes {
  int d_model;
  int d_intermediate;
};
constexpr std::array kModels = {Sizes{4096, 14336}, Sizes{8192, 28672}, Sizes{3584, 18944}, Sizes{5120, 14336},
                                Sizes{3584, 14336}};

TEST_CASE("the kernel of a bucket loses at most 5 % to the best at exactly m") {
  const Arch arch = *find_arch("sm_90a");
  const DeviceSpec& spec = arch.representative;
  double worst = 0;
  std::string where;
  for (const Sizes& sizes : kModels) {
    for (const Layout layout : {Layout::kn, Layout::nk}) {
      const Problem problem{DType::bf16, Accum::f32, layout, Pass::forward, sizes.d_model, sizes.d_intermediate, 16};
      const auto all = candidates(problem, arch, spec);
      for (int bucket = 0; bucket < kBuckets - 1; ++bucket) {
        const KernelConfig chosen = choose(problem, representative(bucket), arch, spec).config;
        const BucketRange range = bucket_range(bucket);
        const std::int64_t step = std::max<std::int64_t>(1, (range.last - range.first) / 16);
        for (std::int64_t m = range.first; m <= range.last; m += step) {
          double best = estimate(chosen, m, spec).seconds;
          const double own = best;
          for (const KernelConfig& config : all) {
            best = std::min(best, estimate(config, m, spec).seconds);
          }
          if (own / best - 1 > worst) {
            worst = own / best - 1;
            where = print(problem) + " at m = " + std::to_string(m) + ", bucket up to " + std::to_string(range.last);
          }
        }
      }
    }
  }
  MESSAGE("worst loss ", worst, ": ", where, "; ", kBuckets, " buckets");
  CHECK_MESSAGE(worst <= kMost, where);
}

}  // namespace
}  // namespace swiglu
