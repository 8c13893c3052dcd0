// Every candidate tile of every family, forced by SWIGLU_TILE. The library reads its environment once, so each tile
// gets a process of its own. swiglu_compile lists the candidates, and leaves their kernels in the store for the
// children.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "gpu/child.h"
#include "gpu/cuda_memory.h"
#include "gpu/tile_list.h"
#include "numeric/cases.h"
#include "support/backward_case.h"
#include "support/plan.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

constexpr const char* kChildName = "child: one forced tile";
constexpr const char* kTileVariable = "SWIGLU_TILE";
constexpr const char* kCasesVariable = "SWIGLU_TEST_CASES";

// Of the forward passes, or of the backward ones.
struct TileCase {
  BackwardCase test;
  bool backward;

  swiglu_plan_desc desc(std::int32_t device) const {
    return backward ? plan_desc(test, device) : plan_desc(test.base, device);
  }
  std::string text() const { return backward ? spelling(test) : spelling(test.base); }
  std::string run() const {
    return backward ? run_case(memory_under_test(), test, both_modes()) : run_case(memory_under_test(), test.base);
  }
};

// Every kind with 16-byte rows that no tile divides; some with odd rows and with 8-byte ones. m: one row, one tile and
// some, several tiles.
std::vector<TileCase> tile_cases() {
  std::vector<TileCase> cases;
  for (const bool backward : {false, true}) {
    const auto add = [&](const Kind& kind, std::int64_t d_model, std::int64_t d_intermediate,
                         std::vector<std::int64_t> m) {
      cases.push_back({{make_case(kind, d_model, d_intermediate, std::move(m)), std::nullopt, {}}, backward});
    };
    for (const Kind& kind : kKinds) {
      add(kind, 200, 264, {1, 77, 300});
    }
    add(kKinds[0], 165, 131, {1, 77, 300});
    add(kKinds[3], 165, 131, {1, 77, 300});
    add(kKinds[4], 100, 132, {65, 130});
    add(kKinds[2], 100, 132, {65, 130});
  }
  for (const Kind& kind : {kKinds[0], kKinds[4]}) {  // f32 gradients, and tokens that are split
    cases.push_back({{make_case(kind, 200, 264, {77, 3000}), SWIGLU_F32, {}}, true});
  }
  return cases;
}

// Not of the padded copies that may take the place of rows that are no multiple of 16 bytes: whether they do is the
// plan's to say (padding_test.cpp), and with them such a problem is one of those that have 16-byte rows.
bool is_of_own_rows(const TileCase& test, const CandidateReport& report) {
  const Case& base = test.test.base;
  if (base.d_model % 8 == 0 && base.d_intermediate % 8 == 0) {
    return true;
  }
  const auto has = [&](const char* part) { return report.problem.find(part) != std::string::npos; };
  return !has("pad") && (has("_a2") || has("_a4") || has("_a8"));
}

struct Candidates {
  std::map<std::string, std::set<std::size_t>> cases_of_tile;
  std::set<std::string> families;
  std::vector<std::string> failures;
  std::size_t kernels = 0;
};

Candidates compile_all(const std::vector<TileCase>& cases, const std::string& arch) {
  Candidates all;
  std::mutex mutex;
  const auto count = static_cast<std::int64_t>(cases.size());
  // Each call compiles on all cores; a few at a time keep them busy to the end.
  parallel_for(count, 3, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      std::vector<CandidateReport> reports;
      std::string failure;
      try {
        reports = compile_candidates(cases[i].desc(0), arch);
      } catch (const std::exception& error) {
        failure = cases[i].text() + ": " + error.what();
      }
      const std::lock_guard<std::mutex> lock(mutex);
      for (const CandidateReport& report : reports) {
        ++all.kernels;
        if (is_of_own_rows(cases[i], report)) {
          all.cases_of_tile[report.tile].insert(i);
        }
        all.families.insert(report.family);
        if (!report.ok) {
          all.failures.push_back(report.config + ": " + report.message);
        }
      }
      if (!failure.empty()) {
        all.failures.push_back(failure);
      }
    }
  });
  return all;
}

std::string join(const std::set<std::size_t>& numbers) {
  std::string text;
  for (const std::size_t number : numbers) {
    text += text.empty() ? "" : " ";
    text += std::to_string(number);
  }
  return text;
}

}  // namespace

TEST_CASE("every candidate tile of every family computes every kind of problem") {
  const std::vector<TileCase> cases = tile_cases();
  const Candidates candidates = compile_all(cases, arch_of(test_device()));
  for (const std::string& failure : candidates.failures) {
    FAIL_CHECK(failure);
  }
  REQUIRE(!candidates.cases_of_tile.empty());
  CHECK(candidates.families.count("simt") == 1);

  const std::vector<std::pair<std::string, std::set<std::size_t>>> tiles(candidates.cases_of_tile.begin(),
                                                                         candidates.cases_of_tile.end());
  std::vector<ChildResult> results(tiles.size());
  const int processes = static_cast<int>(std::clamp(std::thread::hardware_concurrency() / 2, 1U, 8U));
  std::atomic<std::size_t> next{0};
  parallel_for(processes, processes, [&](std::int64_t, std::int64_t) {
    for (std::size_t i = next++; i < tiles.size(); i = next++) {
      results[i] =
          run_test_case(kChildName, {{kTileVariable, tiles[i].first}, {kCasesVariable, join(tiles[i].second)}});
    }
  });
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    CHECK_MESSAGE(results[i].exit_code == 0, std::string(kTileVariable), "=", tiles[i].first, " exit code ",
                  results[i].exit_code, "\n", results[i].output);
  }
  MESSAGE(candidates.kernels, " kernels of ", tiles.size(), " tiles on ", arch_of(test_device()));
}

// Needs no GPU: main() lets it run alone where SWIGLU_TEST_COMPILE_AHEAD names an architecture.
TEST_CASE("compile ahead: every candidate tile" * doctest::skip()) {
  const Candidates candidates = compile_all(tile_cases(), from_environment(kCompileAheadVariable));
  for (const std::string& failure : candidates.failures) {
    FAIL_CHECK(failure);
  }
  MESSAGE(candidates.kernels, " kernels of ", candidates.cases_of_tile.size(), " tiles are in the store");
}

TEST_CASE(kChildName* doctest::skip()) {
  const std::string tile = from_environment(kTileVariable);
  const std::vector<TileCase> all = tile_cases();
  std::istringstream numbers(from_environment(kCasesVariable));
  REQUIRE(!tile.empty());
  std::size_t executed = 0;
  for (std::size_t number = 0; numbers >> number; ++executed) {
    const TileCase& test = all.at(number);
    const Plan plan = make_plan(test.desc(test_device()));
    const std::string description = describe(plan.get(), test.test.base.m.front());
    CHECK_MESSAGE(description.find(tile) != std::string::npos, test.text(), ": the tile was not taken: ", description);
    const std::string failure = test.run();
    CHECK_MESSAGE(failure.empty(), failure);
  }
  CHECK(executed > 0);
}

}  // namespace swiglu_test
