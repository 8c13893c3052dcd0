#include "plan/selection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace swiglu {
namespace {

TEST_CASE("every candidate, when what is cached decides") {
  const Problem problem{DType::f16, Accum::f16, Layout::nk, Pass::forward, 1000, 1000, 8};
  for (const Arch& arch : arch_table()) {
    const int bucket = bucket_of(500);
    const auto all = selection(problem, bucket, arch, arch.representative, Fallback::all).choices;
    const auto ranked = rank(problem, representative(bucket), arch, arch.representative);
    REQUIRE(all.size() == ranked.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK(all[i].config == ranked[i].config);
    }
    CHECK(selection(problem, bucket, arch, arch.representative, Fallback::few).choices.size() <= 4);
  }
}

TEST_CASE("the choice comes first, no candidate twice, and a simt kernel stands at the end") {
  const Problem problem{DType::bf16, Accum::f32, Layout::kn, Pass::forward, 4096, 14336, 16};
  for (const Arch& arch : arch_table()) {
    for (const std::int64_t m : {1, 64, 8192}) {
      const auto choices = selection(problem, bucket_of(m), arch, arch.representative, Fallback::few).choices;
      CAPTURE(arch.name);
      REQUIRE(!choices.empty());
      CHECK(choices.front().config == choose(problem, m, arch, arch.representative).config);
      CHECK(std::any_of(choices.begin(), choices.end(),
                        [](const Choice& choice) { return choice.config.family == Family::simt; }));
      for (std::size_t i = 0; i < choices.size(); ++i) {
        for (std::size_t other = 0; other < i; ++other) {
          CHECK_FALSE(choices[i].config == choices[other].config);
        }
      }
    }
  }
}

TEST_CASE("one kernel for every m is no worse than the best for one m would be for the others") {
  const auto loss = [](const KernelConfig& config, const Arch& arch) {
    double sum = 0;
    for (int bucket = 0; bucket < kBuckets; ++bucket) {
      const std::int64_t m = representative(bucket);
      sum += std::log(estimate(config, m, arch.representative).seconds /
                      choose(config.problem, m, arch, arch.representative).estimate.seconds);
    }
    return sum;
  };
  for (const Layout layout : {Layout::kn, Layout::nk}) {
    const Problem problem{DType::bf16, Accum::f32, layout, Pass::forward, 4096, 14336, 16};
    for (const Arch& arch : arch_table()) {
      const KernelConfig chosen =
          selection(problem, kEveryM, arch, arch.representative, Fallback::few).choices.front().config;
      CAPTURE(arch.name);
      for (const std::int64_t m : {1, 64, 1024, 8192}) {
        CHECK(loss(chosen, arch) <= loss(choose(problem, m, arch, arch.representative).config, arch) + 1e-9);
      }
    }
  }
}

TEST_CASE("a preferred configuration comes first, and no choice is lost or doubled") {
  const Problem problem{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, 14336, 16};
  const Arch& arch = *std::find_if(arch_table().begin(), arch_table().end(),
                                   [](const Arch& each) { return std::string(each.name) == "sm_80"; });
  auto choices = selection(problem, bucket_of(8192), arch, arch.representative, Fallback::all).choices;
  const std::size_t count = choices.size();
  const KernelConfig last = choices.back().config;
  const KernelConfig first = choices.front().config;
  prefer(choices, last, "because");
  CHECK(choices.front().config == last);
  CHECK(choices.front().estimate.why == "because");
  CHECK(choices[1].config == first);
  CHECK(choices.size() == count);
  choices.erase(choices.begin());
  prefer(choices, last, "again");
  CHECK(choices.front().config == last);
  CHECK(choices.size() == count);
}

}  // namespace
}  // namespace swiglu
