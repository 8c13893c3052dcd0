#include "compile/jobs.h"

#include <cstddef>
#include <iterator>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/arch.h"
#include "base/spelling.h"
#include "swiglu/validity.h"
#include "tune/space.h"

namespace swiglu::test {
namespace {

constexpr const char* kArchs[] = {"sm_75", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"};

struct Numbers {
  DType dtype;
  Accum accum;
};
constexpr Numbers kNumbers[] = {
    {DType::bf16, Accum::f32},
    {DType::f16, Accum::f32},
    {DType::f16, Accum::f16},
    {DType::f16, Accum::f16_promoted},
};

// Alignment with extents that fill every tile, and with extents that leave tails on both sides.
struct Shape {
  Pass pass;
  int d_model;
  int d_intermediate;
  int access_bytes;
  Gradient gradient = Gradient::element;
};
constexpr Shape kMain = {Pass::forward, 4096, 14336, 16};
// Of all numbers and layouts, too, on the architecture whose tiles leave the fewest registers beside their sums: there
// one of these kernels alone can spill.
constexpr Shape kStoring = {Pass::forward_store, 4096, 14336, 16};
constexpr std::string_view kStoringArch = "sm_90a";
constexpr Shape kOthers[] = {
    kStoring,
    {Pass::forward, 4100, 11012, 8},
    {Pass::forward_store, 1001, 999, 2},
    {Pass::forward, 40, 24, 16},
    {Pass::forward_store, 4098, 11010, 4},
};

constexpr Shape kNotForward[] = {
    {Pass::dx, 4096, 14336, 16},
    {Pass::dgate_dx, 4096, 14336, 16},
    {Pass::dgate_dx, 1000, 999, 16},
    {Pass::dgate_dw, 1024, 3072, 16},
    {Pass::dgate_dw, 1000, 999, 16, Gradient::f32},
    {Pass::dw, 4096, 14336, 16},
    {Pass::recompute, 4096, 14336, 16},
    {Pass::dgate, 4096, 14336, 16},
    {Pass::dw, 4096, 14336, 16, Gradient::f32},
    {Pass::dw_single, 4096, 14336, 16},
    {Pass::dw_sum, 4096, 14336, 16, Gradient::f32},
    {Pass::dx, 1001, 999, 2},
    {Pass::dx, 4100, 11012, 8},
    {Pass::dw, 4100, 11012, 8},
    {Pass::recompute, 1001, 999, 2},
    {Pass::dgate, 1001, 999, 2},
    {Pass::dw_single, 1001, 999, 4, Gradient::f32},
    {Pass::dw_sum, 1001, 999, 2},
    {Pass::pad, 1001, 999, 2},
    {Pass::unpad, 1001, 999, 2},
    {Pass::pad, 4100, 11012, 8},
    {Pass::unpad, 4098, 11010, 4},
};

void add_candidates(std::vector<Job>& jobs, const Arch& arch, const Numbers& numbers, Layout layout,
                    const Shape& shape) {
  const Problem problem{numbers.dtype,        numbers.accum,      layout,        shape.pass, shape.d_model,
                        shape.d_intermediate, shape.access_bytes, shape.gradient};
  if (why_invalid(problem) != nullptr) {
    return;  // f16 sums, which are not for every pass
  }
  for (const KernelConfig& config : candidates(problem, arch, arch.representative)) {
    jobs.push_back({config, arch.name});
  }
}

}  // namespace

std::string print(const Job& job) { return fmt::format("{} for {}", swiglu::print(job.config), job.arch); }

std::vector<Job> all_jobs() {
  std::vector<Job> jobs;
  std::size_t turn = 0;
  std::size_t other_turn = 0;
  for (const char* name : kArchs) {
    const std::optional<Arch> arch = find_arch(name);
    for (const Numbers& numbers : kNumbers) {
      for (const Layout layout : {Layout::kn, Layout::nk}) {
        add_candidates(jobs, *arch, numbers, layout, kMain);
        if (arch->name == kStoringArch) {
          add_candidates(jobs, *arch, numbers, layout, kStoring);
        }
        for (int i = 0; i < 2; ++i) {  // of the others two in turn: all of them meet all that is above
          add_candidates(jobs, *arch, numbers, layout, kOthers[turn++ % std::size(kOthers)]);
        }
        for (int i = 0; i < 4; ++i) {
          add_candidates(jobs, *arch, numbers, layout, kNotForward[other_turn++ % std::size(kNotForward)]);
        }
      }
    }
  }
  return jobs;
}

std::vector<std::string> traits(const Job& job) {
  const Problem& problem = job.config.problem;
  return {
      fmt::format("{}/{}", name(job.config.family), swiglu::print(job.config.tile)),
      job.arch,
      fmt::format("{}_{}", name(problem.dtype), name(problem.accum)),
      name(problem.layout),
      name(problem.pass),
      fmt::format("{}_{}x{}_a{}_{}", name(problem.pass), problem.d_model, problem.d_intermediate, problem.access_bytes,
                  name(problem.gradient)),
  };
}

std::set<TraitPair> wanted_pairs(const Job& job) {
  const std::vector<std::string> values = traits(job);
  std::set<TraitPair> pairs;
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i; j < values.size(); ++j) {
      const bool tile = i == 0 && j != 0;
      const bool architecture_or_shape = j == 1 || j == 5;
      if (!(tile && architecture_or_shape)) {
        pairs.emplace(values[i], values[j]);
      }
    }
  }
  return pairs;
}

std::vector<Job> sample(const std::vector<Job>& jobs) {
  std::set<TraitPair> missing;
  for (const Job& job : jobs) {
    missing.merge(wanted_pairs(job));
  }
  // Jobs far apart first, so that each brings many new pairs; a stride prime to the count visits all of them.
  std::vector<Job> chosen;
  std::size_t stride = jobs.size() * 5 / 8 | 1U;
  while (std::gcd(stride, jobs.size()) != 1) {
    stride += 2;
  }
  for (const std::size_t enough :
       {std::size_t{6}, std::size_t{3}, std::size_t{1}}) {  // new pairs that make a job worth it
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const Job& job = jobs[i * stride % jobs.size()];
      std::size_t fresh = 0;
      for (const TraitPair& pair : wanted_pairs(job)) {
        fresh += missing.count(pair);
      }
      if (fresh >= enough) {
        for (const TraitPair& pair : wanted_pairs(job)) {
          missing.erase(pair);
        }
        chosen.push_back(job);
      }
    }
  }
  return chosen;
}

}  // namespace swiglu::test
