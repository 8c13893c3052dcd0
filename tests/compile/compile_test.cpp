// Compiles the jobs in parallel threads with the NVRTC that the library would use, and holds each to the rules.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/spelling.h"
#include "compile/jobs.h"
#include "jit/compiler.h"
#include "jit/source.h"
#include "tune/space.h"

namespace swiglu::test {
namespace {

constexpr int kRegistersPerMultiprocessor = 65536;

struct Outcome {
  double milliseconds = 0;
  int registers = 0;
  std::string problem;  // empty: as it must be
};

Outcome compile(const Compiler& compiler, const Job& job) {
  try {
    const CompileResult result = compiler.compile({generate_source(job.config), job.arch});
    Outcome outcome{result.milliseconds, result.registers, result.defect};
    const int threads = swiglu::threads(job.config);
    // With a single k tile the main loop is gone, and ptxas may keep its fragments in local memory: it costs nothing
    // there.
    if (result.stack_bytes > 0 && job.config.problem.d_model > job.config.tile.k) {
      outcome.problem += fmt::format(" {} bytes of local memory.", result.stack_bytes);
    }
    if (result.static_shared_bytes > 0) {
      outcome.problem +=
          fmt::format(" {} bytes of static shared memory, which config.h does not count.", result.static_shared_bytes);
    }
    if (result.registers < 1 || result.registers * threads * min_blocks(job.config) > kRegistersPerMultiprocessor) {
      outcome.problem += fmt::format(" {} registers x {} threads x {} blocks do not fit.", result.registers, threads,
                                     min_blocks(job.config));
    }
    return outcome;
  } catch (const Error& error) {
    return {0, 0, error.what()};
  }
}

std::vector<Outcome> compile_all(const Compiler& compiler, const std::vector<Job>& jobs) {
  std::vector<Outcome> outcomes(jobs.size());
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> workers;
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, 16U);
  for (unsigned i = 0; i < count; ++i) {
    workers.emplace_back([&] {
      for (std::size_t at = next++; at < jobs.size(); at = next++) {
        outcomes[at] = compile(compiler, jobs[at]);
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  return outcomes;
}

const Compiler* nvrtc() {
  try {
    return &Compiler::instance();
  } catch (const Error& error) {
    MESSAGE("skipped: no NVRTC: ", error.what());
    return nullptr;
  }
}

TEST_CASE("the sample holds every value, and every pair that matters") {
  const std::vector<Job> all = all_jobs();
  const std::vector<Job> some = sample(all);
  REQUIRE_FALSE(all.empty());
  const auto pairs_of = [](const std::vector<Job>& jobs) {
    std::set<TraitPair> pairs;
    for (const Job& job : jobs) {
      pairs.merge(wanted_pairs(job));
    }
    return pairs;
  };
  CHECK(pairs_of(some) == pairs_of(all));
  CHECK(some.size() < all.size() / 4);
}

TEST_CASE("every row of every table is a candidate somewhere") {
  std::set<std::string> seen;
  for (const Job& job : all_jobs()) {
    seen.insert(traits(job).front());
  }
  for (const Family family : {Family::simt, Family::mma_sm80, Family::wgmma_sm90, Family::streaming}) {
    for (const Tile& tile : tile_table(family)) {
      const std::string row = fmt::format("{}/{}", name(family), swiglu::print(tile));
      CHECK_MESSAGE(seen.count(row) == 1, row);
    }
  }
}

TEST_CASE("every kernel compiles without spill, local memory or advisory") {
  const Compiler* const compiler = nvrtc();
  if (compiler == nullptr) {
    return;
  }
  const char* const wanted = std::getenv("SWIGLU_COMPILE_ALL");
  const bool everything = wanted != nullptr && std::string_view(wanted) == "1";
  std::vector<Job> jobs = everything ? all_jobs() : sample(all_jobs());
  const auto known = [&](const Job& job) { return compiler->supports(job.arch); };
  jobs.erase(std::partition(jobs.begin(), jobs.end(), known), jobs.end());
  const std::vector<Outcome> outcomes = compile_all(*compiler, jobs);
  double sum = 0;
  std::size_t slowest = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    CHECK_MESSAGE(outcomes[i].problem.empty(), print(jobs[i]), ": ", outcomes[i].problem);
    sum += outcomes[i].milliseconds;
    slowest = outcomes[i].milliseconds > outcomes[slowest].milliseconds ? i : slowest;
  }
  REQUIRE_FALSE(jobs.empty());
  MESSAGE(fmt::format("{} kernels{} in {:.0f} s of compiling; the slowest, {}, took {:.0f} ms", jobs.size(),
                      everything ? "" : " (a sample)", sum / 1000, print(jobs[slowest]),
                      outcomes[slowest].milliseconds));
}

}  // namespace
}  // namespace swiglu::test
