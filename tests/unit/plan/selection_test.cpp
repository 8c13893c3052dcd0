#include "plan/selection.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace swiglu {
namespace {

TEST_CASE("every candidate, when what is cached decides") {
  const Problem problem{DType::f16, Accum::f16, Layout::nk, Pass::forward, 1000, 1000, 8};
  for (const Arch& arch : arch_table()) {
    const auto all = selection(problem, 500, arch, arch.representative, Fallback::all);
    const auto ranked = rank(problem, 500, arch, arch.representative);
    REQUIRE(all.size() == ranked.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK(all[i].config == ranked[i].config);
    }
    CHECK(selection(problem, 500, arch, arch.representative, Fallback::few).size() <= 4);
  }
}

TEST_CASE("the choice comes first, no candidate twice, and a simt kernel stands at the end") {
  const Problem problem{DType::bf16, Accum::f32, Layout::kn, Pass::forward, 4096, 14336, 16};
  for (const Arch& arch : arch_table()) {
    for (const std::int64_t m : {1, 64, 8192}) {
      const auto choices = selection(problem, m, arch, arch.representative, Fallback::few);
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

}  // namespace
}  // namespace swiglu
