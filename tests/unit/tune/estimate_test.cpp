// The estimate is judged by its choices, not by its seconds: sensible tiles for known cards, and time that never falls
// where there is more to do.
#include "tune/estimate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/spelling.h"
#include "swiglu/validity.h"
#include "tune/space.h"

namespace swiglu {
namespace {

constexpr Problem kLlama{DType::bf16, Accum::f32, Layout::kn, Pass::forward, 4096, 14336, 16};

const Arch& arch(std::string_view name) {
  const auto& table = arch_table();
  return *std::find_if(table.begin(), table.end(), [&](const Arch& each) { return each.name == name; });
}

Choice choose_for(const Problem& problem, std::int64_t m, std::string_view arch_name) {
  return choose(problem, m, arch(arch_name), arch(arch_name).representative);
}

TEST_CASE("many tokens get a large tensor-core tile") {
  for (const char* name : {"sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
    for (const Layout layout : {Layout::kn, Layout::nk}) {
      Problem problem = kLlama;
      problem.layout = layout;
      const Choice choice = choose_for(problem, 8192, name);
      CAPTURE(print(choice.config));
      CHECK(choice.config.family == arch(name).families.front());
      CHECK(choice.config.tile.m >= 128);
      CHECK(choice.config.tile.m * choice.config.tile.n >= 128 * 64);
    }
  }
}

TEST_CASE("few tokens get a tile with few rows") {
  for (const char* name : {"sm_80", "sm_89", "sm_90a", "sm_120a"}) {
    for (const std::int64_t m : {1, 8, 16, 32, 64}) {
      const Choice choice = choose_for(kLlama, m, name);
      CAPTURE(print(choice.config));
      CHECK(choice.config.family != Family::simt);
      // Rows beyond m cost wgmma no loads, and it has nothing narrower for layout kn.
      CHECK(choice.config.tile.m <= (m <= 32 && choice.config.family == Family::mma_sm80 ? 32 : 96));
    }
  }
}

// Products for each element that a block loads.
double intensity(const Tile& tile) { return 2.0 * tile.m * tile.n / (tile.m + 2.0 * tile.n); }

TEST_CASE("rows that straddle the lines of the cache get a tile that loads less") {
  Problem straddling{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 680, 20864, 16};
  Problem aligned = straddling;
  aligned.d_model = 704;
  const Choice choice = choose_for(straddling, 8192, "sm_90a");
  CAPTURE(print(choice.config));
  CHECK(intensity(choice.config.tile) > 100);
  const Arch& hopper = arch("sm_90a");
  const Tile usual = choose_for(aligned, 8192, "sm_90a").config.tile;
  CHECK(intensity(usual) < 100);
  const KernelConfig narrow{straddling, Family::wgmma_sm90, usual};
  CHECK(estimate(narrow, 8192, hopper.representative).seconds > 1.2 * choice.estimate.seconds);
}

// As measured on an H200, alone and, at 2048, with dg and du beside it (docs/measurements.md).
TEST_CASE("dx gets tiles of as many rows as fill a whole number of waves") {
  const auto rows = [](int d_model, std::int64_t m, Pass pass = Pass::dx) {
    const Problem problem{DType::bf16, Accum::f32, Layout::nk, pass, d_model, 3 * d_model, 16};
    const Tile tile = choose_for(problem, m, "sm_90a").config.tile;
    CHECK(tile.n == 128);
    return tile.m;
  };
  CHECK(rows(1280, 8192) == 160);
  CHECK(rows(2048, 8192) == 168);
  CHECK(rows(2048, 8192, Pass::dgate_dx) == 168);
  CHECK(rows(2304, 4096) == 144);
  CHECK(rows(2816, 8192) == 176);
  CHECK(rows(4096, 8192) == 200);
}

TEST_CASE("on a card of an H100's kind passes that move much besides walk lower groups of rows") {
  Problem problem{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 2048, 6144, 16};
  DeviceSpec h100 = arch("sm_90a").representative;
  h100.memory_bytes_per_second = 3.352e12;
  const auto rows = [&](Pass pass) {
    problem.pass = pass;
    const Tile tile = choose(problem, 8192, arch("sm_90a"), h100).config.tile;
    return tile.m * tile.group_m;
  };
  CHECK(rows(Pass::recompute) <= 1024);
  CHECK(rows(Pass::recompute) < rows(Pass::forward));
}

TEST_CASE("simt where there are no tensor cores to be had") {
  Problem f16 = kLlama;
  f16.dtype = DType::f16;
  CHECK(choose_for(f16, 4096, "sm_75").config.family == Family::simt);
}

TEST_CASE("every choice is valid and fits, down to one element and unaligned rows") {
  for (const Arch& each : arch_table()) {
    for (const int extent : {1, 17, 4096}) {
      for (const int access_bytes : {2, 16}) {
        for (const Accum accum : {Accum::f32, Accum::f16, Accum::f16_promoted}) {
          const Problem problem{DType::f16, accum, Layout::nk, Pass::forward_store, extent, extent, access_bytes};
          for (const std::int64_t m : {std::int64_t{1}, std::int64_t{100}, std::int64_t{1} << 20}) {
            const Choice choice = choose(problem, m, each, each.representative);
            CAPTURE(print(choice.config));
            CHECK(why_invalid(choice.config) == nullptr);
            CHECK(shared_bytes(choice.config) <= each.representative.shared_bytes_per_block);
            CHECK(choice.estimate.seconds > 0);
            CHECK(choice.estimate.seconds < 1e6);
            CHECK_FALSE(choice.estimate.why.empty());
          }
        }
      }
    }
  }
}

TEST_CASE("more work never takes less time, and wider access never more") {
  const DeviceSpec& spec = arch("sm_90a").representative;
  for (const KernelConfig& config : candidates(kLlama, arch("sm_90a"), spec)) {
    CAPTURE(print(config));
    double before = 0;
    for (std::int64_t m = 1; m <= 1 << 16; m += 1 + m / 3) {
      const double seconds = estimate(config, m, spec).seconds;
      CHECK(seconds >= before);
      before = seconds;
    }
    const auto with = [&](auto change) {
      KernelConfig changed = config;
      change(changed.problem);
      return estimate(changed, 4096, spec).seconds;
    };
    const double seconds = with([](Problem&) {});
    CHECK(with([](Problem& problem) { problem.d_model *= 2; }) > seconds);
    CHECK(with([](Problem& problem) { problem.d_intermediate *= 2; }) > seconds);
    CHECK(with([](Problem& problem) { problem.pass = Pass::forward_store; }) >= seconds);
    if (config.family == Family::wgmma_sm90) {
      continue;  // takes no narrower access
    }
    CHECK(with([](Problem& problem) { problem.access_bytes = 8; }) >= seconds);
    CHECK(with([](Problem& problem) { problem.access_bytes = 2; }) >=
          with([](Problem& problem) { problem.access_bytes = 8; }));
  }
}

TEST_CASE("f16 accumulators are faster where the card says so") {
  Problem f16 = kLlama;
  f16.dtype = DType::f16;
  const double f32_seconds = choose_for(f16, 8192, "sm_89").estimate.seconds;
  f16.accum = Accum::f16;
  CHECK(choose_for(f16, 8192, "sm_89").estimate.seconds < 0.8 * f32_seconds);
}

TEST_CASE("rank holds every candidate, sorted, ties in canonical order, the same each time") {
  const Arch& sm_80 = arch("sm_80");
  const auto all = candidates(kLlama, sm_80, sm_80.representative);
  for (const std::int64_t m : {1, 300, 8192}) {
    const auto ranked = rank(kLlama, m, sm_80, sm_80.representative);
    const auto again = rank(kLlama, m, sm_80, sm_80.representative);
    REQUIRE(ranked.size() == all.size());
    const auto position = [&](const KernelConfig& config) { return std::find(all.begin(), all.end(), config); };
    for (std::size_t i = 0; i < ranked.size(); ++i) {
      CHECK(ranked[i].config == again[i].config);
      REQUIRE(position(ranked[i].config) != all.end());
      if (i > 0) {
        const double before = ranked[i - 1].estimate.seconds;
        CHECK(before <= ranked[i].estimate.seconds);
        CHECK((before < ranked[i].estimate.seconds || position(ranked[i - 1].config) < position(ranked[i].config)));
      }
    }
  }
}

}  // namespace
}  // namespace swiglu
