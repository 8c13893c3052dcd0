// What of the bench runs without a GPU: how replays are sized, clocks, errors of blocks, plans prepared on the CPU
// device, and its device code through NVRTC where there is one.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tools/bench/block_errors.h"
#include "tools/bench/clock.h"
#include "tools/bench/device_code.h"
#include "tools/bench/forward_operands.h"
#include "tools/bench/measure.h"
#include "tools/bench/order.h"
#include "tools/bench/prepare.h"
#include "tools/bench/run_again.h"
#include "tools/bench/shared_library.h"
#include "tools/bench/stopwatch.h"
#include "tools/bench/tiles.h"

using namespace swiglu::tool;

TEST_CASE("a replay is one launch of a long kernel, about a millisecond of a short one") {
  CHECK(launches_for(2.3) == 1);
  CHECK(launches_for(0.1) == 1);
  CHECK(launches_for(0.099) == 20);
  CHECK(launches_for(0.04) == 25);
  CHECK(launches_for(0.005) == 100);
  CHECK(launches_for(0) == 100);
  CHECK(sustained_launches_for(12) == 1);
  CHECK(sustained_launches_for(2.3) == 4);
  CHECK(sustained_launches_for(0.2) == 10);
  CHECK(sustained_launches_for(0.01) == 100);
}

TEST_CASE("operands rotate over four times the L2 cache, where launches are many") {
  constexpr std::size_t kL2 = std::size_t{60} << 20;
  CHECK(operand_sets_for(1000, kL2, 1) == 1);
  CHECK(operand_sets_for(kL2, kL2, 20) == 4);
  CHECK(operand_sets_for(kL2 / 2 + 1, kL2, 20) == 8);
  CHECK(operand_sets_for(100 * kL2, kL2, 20) == 2);
  CHECK(operand_sets_for(1, kL2, 20) == 20);
}

TEST_CASE("in the order of rounds everyone follows everyone else equally often") {
  for (std::size_t count = 1; count <= 16; ++count) {
    CAPTURE(count);
    const bool even = count % 2 == 0;
    std::map<std::pair<std::size_t, std::size_t>, int> followed;
    for (int round = 0; round < static_cast<int>(even ? count : 2 * count); ++round) {
      const std::vector<std::size_t> order = order_of_round(count, round);
      CHECK(std::set<std::size_t>(order.begin(), order.end()).size() == count);
      CHECK(*std::max_element(order.begin(), order.end()) == count - 1);
      for (std::size_t i = 1; i < count; ++i) {
        ++followed[{order[i - 1], order[i]}];
      }
    }
    CHECK(followed.size() == count * (count - 1));
    CHECK(std::all_of(followed.begin(), followed.end(),
                      [even](const auto& pair) { return pair.second == (even ? 1 : 2); }));
  }
}

TEST_CASE("in no pass does a contender follow the same one in two sustained rounds") {
  for (const BenchPass pass : kBenchPasses) {
    const std::size_t count = contenders_of(pass).size();
    std::set<std::pair<std::size_t, std::size_t>> followed;
    for (int round = 0; round < kSustainedRounds; ++round) {
      const std::vector<std::size_t> order = order_of_round(count, round);
      for (std::size_t i = 1; i < count; ++i) {
        CHECK(followed.insert({order[i - 1], order[i]}).second);
      }
    }
  }
}

TEST_CASE("the clock is cycles over nanoseconds, on multiprocessors that have both stamps") {
  std::vector<ClockStamp> before(4);
  std::vector<ClockStamp> after(4);
  CHECK(std::isnan(mean_megahertz(before, after)));
  before[1] = {1000, 5000};
  after[1] = {1000 + 1600000, 5000 + 1000000};
  before[2] = {7, 5000};  // no second stamp
  after[3] = {7, 5000};   // no first one
  CHECK(mean_megahertz(before, after) == doctest::Approx(1600));
}

TEST_CASE("errors of blocks: whole, worst block and where it is") {
  // [100, 130]: 2 x 3 blocks, the last ones 36 high and 2 wide.
  std::vector<BlockSums> sums(6, {0, 4096});
  sums[2] = {0, 128};
  sums[5] = {0, 72};
  CHECK(block_count(100, 130) == 6);
  CHECK(errors_of(sums, 100, 130).whole == 0);
  CHECK(errors_of(sums, 100, 130).worst_block == 0);
  sums[4].difference = 40.96F;
  const Errors errors = errors_of(sums, 100, 130);
  CHECK(errors.worst_block == doctest::Approx(0.1));
  CHECK(errors.worst_row == 64);
  CHECK(errors.worst_column == 64);
  CHECK(errors.whole < errors.worst_block);
}

TEST_CASE("a block that was not written, or a NaN anywhere, is infinitely wrong") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const BlockSums& bad : {BlockSums{kNan, 4096}, BlockSums{kNan, kNan}, BlockSums{1, kNan}}) {
    const Errors errors = errors_of(std::vector<BlockSums>{{0, 4096}, bad}, 64, 128);
    CHECK(std::isinf(errors.whole));
    CHECK(std::isinf(errors.worst_block));
    CHECK(errors.worst_column == 64);
  }
  CHECK(std::isinf(errors_of(std::vector<BlockSums>{{1, 0}}, 1, 8).whole));  // something where nothing should be
}

TEST_CASE("packed weights: pitches of both halves by layout") {
  swiglu_plan_desc kind{};
  kind.weight_layout = SWIGLU_KN;
  CHECK(point_desc(kind, {"", 1, 256, 768}).ld_w_up == 1536);
  CHECK(point_desc(kind, {"", 1, 256, 768}).ld_w_gate == 1536);
  CHECK(point_desc(kind, {"", 1, 256, 768}).ld_dw_gate == 0);
  kind.passes = SWIGLU_PASS_BACKWARD;
  CHECK(point_desc(kind, {"", 1, 256, 768}).ld_dw_gate == 1536);
  CHECK(point_desc(kind, {"", 1, 256, 768}).ld_dw_up == 1536);
  kind.weight_layout = SWIGLU_NK;
  CHECK(point_desc(kind, {"", 1, 256, 768}).ld_w_gate == 0);
  CHECK(point_desc(kind, {"", 1, 256, 768}).ld_dw_gate == 0);
}

TEST_CASE("plans of many problems are prepared together; one that fails says why, in its place") {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_BF16;
  desc.accum = SWIGLU_ACCUM_F32;
  desc.weight_layout = SWIGLU_NK;
  desc.d_model = 64;
  desc.d_intermediate = 32;
  desc.device = SWIGLU_DEVICE_CPU;
  std::vector<PlanRequest> requests(20, {desc, 5});
  requests[7].desc.accum = SWIGLU_ACCUM_F16;
  const std::vector<PreparedPlan> prepared = prepare_plans(requests);
  REQUIRE(prepared.size() == requests.size());
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    CHECK((prepared[i].plan != nullptr) == (i != 7));
    CHECK(prepared[i].error.empty() == (i != 7));
  }
  CHECK(prepared[0].description["m"] == 5);
  CHECK(prepare_plans({}).empty());
}

TEST_CASE("the device code compiles for every architecture that the library serves") {
  const Json nvrtc = Json::parse(text(swiglu_info))["nvrtc"];
  if (!nvrtc.value("found", false)) {
    MESSAGE("no NVRTC: not compiled");
    return;
  }
  const std::string path = nvrtc["path"];
  for (const char* arch : {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
    for (const swiglu_dtype dtype : {SWIGLU_BF16, SWIGLU_F16}) {
      CHECK(compile_bench_kernels(path, arch, dtype).size() > 1000);
    }
  }
  CHECK_THROWS_AS(compile_bench_kernels(path, "sm_1", SWIGLU_F16), Failure);
}

TEST_CASE("candidate tiles: of aligned operands, and those asked for") {
  if (!Json::parse(text(swiglu_info))["nvrtc"].value("found", false)) {
    MESSAGE("no NVRTC: not listed");
    return;
  }
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_BF16;
  desc.accum = SWIGLU_ACCUM_F32;
  desc.weight_layout = SWIGLU_NK;
  desc.d_model = 64;
  desc.d_intermediate = 128;
  desc.tuning = SWIGLU_TUNING_CACHED_ONLY;  // lists them all the same, and compiles nothing
  const auto tiles = candidate_tiles(desc, "sm_80", "");
  REQUIRE(tiles.size() > 2);
  for (const CandidateTile& tile : tiles) {
    CHECK_FALSE(tile.family.empty());
    CHECK(tile.tile.find('/') == std::string::npos);
  }
  desc.passes = SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
  std::set<std::string> once;
  for (const CandidateTile& tile : candidate_tiles(desc, "sm_80", "")) {
    CHECK(tile.family != "streaming");
    CHECK(once.insert(tile.family + "/" + tile.tile).second);
  }
  CHECK(once.size() > 2);
  desc.passes = 0;
  const auto simt = candidate_tiles(desc, "sm_80", "simt/");
  CHECK(!simt.empty());
  CHECK(simt.size() < tiles.size());
  CHECK_THROWS_AS(candidate_tiles(desc, "sm_1", ""), Failure);
}

TEST_CASE("this program again: its exit code, and a file for its report") {
  CHECK(run_again({"--test-case=there is none of this name"}, "SWIGLU_TILE", "") == 0);
  CHECK(run_again({"--test-case=child: a variable", "--no-skip"}, "SWIGLU_TEST_VARIABLE", "a value") == 0);
  CHECK(run_again({"--test-case=child: a variable", "--no-skip"}, "SWIGLU_TEST_VARIABLE", "") != 0);
  CHECK(output_of({"--version"}).find("doctest") != std::string::npos);
  CHECK(output_of({"--test-case=child: a variable", "--no-skip"}).empty());  // it fails
  std::string path;
  {
    const TemporaryFile file;
    path = file.path();
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("child: a variable" * doctest::skip()) {
  const char* value = std::getenv("SWIGLU_TEST_VARIABLE");
  REQUIRE(value != nullptr);
  CHECK(std::string(value) == "a value");
}

TEST_CASE("a library that is not there is named, with what was tried") {
  try {
    const SharedLibrary library("cuBLASLt", {"/nonexistent/one.so", "libnonexistent_two.so"});
    FAIL("it loaded");
  } catch (const Failure& failure) {
    const std::string words = failure.what();
    CHECK(words.find("cuBLASLt") != std::string::npos);
    CHECK(words.find("/nonexistent/one.so") != std::string::npos);
    CHECK(words.find("libnonexistent_two.so") != std::string::npos);
  }
}
