// The tables: see contenders.h.
#include "tools/bench/contenders.h"

#include <algorithm>

#include "tools/library.h"

namespace swiglu::tool {
namespace {

struct Row {
  Contender contender;
  const char* name;
  const char* label;
  double products;
  double matrices;
  Contender first;
  Contender pace;
};

using enum Contender;

constexpr double kGateMatrices = 5;  // dout, g and u are read, dg and du written

// clang-format off
constexpr std::array<Row, kContenderCount> kRows{{
    {swiglu, "swiglu", "swiglu", 2, 0, swiglu, first},
    {first, "cublaslt_first", "T", 2, 0, first, first},
    {best, "cublaslt_best", "Tb", 2, 0, first, first},
    {unfused, "cublaslt_first_and_activation", "T+act", 2, 0, unfused, first},

    {backward, "swiglu_backward", "backward", 4, 0, backward, backward_first},
    {backward_dx, "swiglu_backward_dx", "backward, dx alone", 2, 0, backward_dx, dx_first},
    {backward_dw, "swiglu_backward_dw", "backward, dW alone", 2, 0, backward_dw, dw_first},
    {backward_recompute, "swiglu_backward_recompute", "recomputed", 4, 0, backward_recompute, backward_first},

    {dgate, "kernel_dgate", "dgate", 0, kGateMatrices, dgate, copy},
    {dx, "kernel_dx", "dx", 2, 0, dx, dx_first},
    {dw, "kernel_dw", "dW", 2, 0, dw, dw_first},
    {recompute, "kernel_recompute", "recompute", 2, 0, recompute, dx_first},

    {dx_first, "cublaslt_dx_first", "T(dx)", 2, 0, dx_first, dx_first},
    {dx_best, "cublaslt_dx_best", "Tb(dx)", 2, 0, dx_first, dx_first},
    {dw_first, "cublaslt_dw_first", "T(dW)", 2, 0, dw_first, dw_first},
    {dw_best, "cublaslt_dw_best", "Tb(dW)", 2, 0, dw_first, dw_first},
    {elementwise, "elementwise", "elementwise", 0, kGateMatrices, elementwise, copy},
    {copy, "copy", "copy", 0, kGateMatrices, copy, copy},
    {backward_first, "cublaslt_backward_first", "T+elem", 4, 0, backward_first, backward_first},
    {backward_best, "cublaslt_backward_best", "Tb+elem", 4, 0, backward_first, backward_first},

    {both_stored, "swiglu_stored", "stored", 6, 0, both_stored, both_first},
    {both_recomputed, "swiglu_recomputed", "recomputed", 6, 0, both_recomputed, both_first},
    {both_first, "cublaslt_both_first", "T+act+elem", 6, 0, both_first, both_first},
    {both_best, "cublaslt_both_best", "Tb+act+elem", 6, 0, both_first, both_first},
}};
// clang-format on

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].contender != static_cast<Contender>(i)) {
      return false;
    }
  }
  return true;
}
static_assert(in_order());

const Row& row(Contender contender) { return kRows[static_cast<std::size_t>(contender)]; }

constexpr std::array kForward{swiglu, first, best, unfused};
constexpr std::array kForwardComparisons{Comparison{swiglu, first}, Comparison{swiglu, best},
                                         Comparison{swiglu, unfused}};
constexpr std::array kForwardGemms{best};

constexpr std::array kBackward{
    backward, backward_dx, backward_dw, backward_recompute, backward_first, backward_best, dgate, elementwise, copy, dx,
    dx_first, dx_best,     dw,          dw_first,           dw_best,        recompute};
constexpr std::array kBackwardComparisons{Comparison{backward, backward_first},
                                          Comparison{backward, backward_best},
                                          Comparison{backward_recompute, backward},
                                          Comparison{dx, dx_first},
                                          Comparison{dx, dx_best},
                                          Comparison{dw, dw_first},
                                          Comparison{dw, dw_best},
                                          Comparison{dgate, elementwise},
                                          Comparison{dgate, copy}};
constexpr std::array kBackwardGemms{dx_best, dw_best};

constexpr std::array kBoth{both_stored, both_recomputed, both_first, both_best};
constexpr std::array kBothComparisons{Comparison{both_stored, both_first}, Comparison{both_stored, both_best},
                                      Comparison{both_recomputed, both_first}, Comparison{both_recomputed, both_best},
                                      Comparison{both_recomputed, both_stored}};
constexpr std::array kBothGemms{best, dx_best, dw_best};

}  // namespace

const char* name(BenchPass pass) {
  constexpr std::array<const char*, kBenchPasses.size()> kNames{"forward", "backward", "forward+backward"};
  return kNames[static_cast<std::size_t>(pass)];
}

BenchPass bench_pass(const std::string& wanted) {
  const auto* const found =
      std::find_if(kBenchPasses.begin(), kBenchPasses.end(), [&](BenchPass pass) { return wanted == name(pass); });
  if (found == kBenchPasses.end()) {
    throw Failure("'" + wanted + "' is no pass of a bench: forward, backward or forward+backward is");
  }
  return *found;
}

const char* name(Contender contender) { return row(contender).name; }
const char* label(Contender contender) { return row(contender).label; }
double products(Contender contender) { return row(contender).products; }
double matrices(Contender contender) { return row(contender).matrices; }
Contender first_of(Contender contender) { return row(contender).first; }
Contender pace_of(Contender contender) { return row(contender).pace; }

std::string name(const Comparison& comparison) {
  return comparison.ours == swiglu ? name(comparison.baseline)
                                   : std::string(name(comparison.ours)) + "_over_" + name(comparison.baseline);
}

std::string label(const Comparison& comparison) {
  return std::string(label(comparison.ours)) + "/" + label(comparison.baseline);
}

std::span<const Contender> contenders_of(BenchPass pass) {
  switch (pass) {
    case BenchPass::forward:
      return kForward;
    case BenchPass::backward:
      return kBackward;
    case BenchPass::forward_backward:
      return kBoth;
  }
  return {};
}

std::span<const Comparison> comparisons_of(BenchPass pass) {
  switch (pass) {
    case BenchPass::forward:
      return kForwardComparisons;
    case BenchPass::backward:
      return kBackwardComparisons;
    case BenchPass::forward_backward:
      return kBothComparisons;
  }
  return {};
}

std::span<const Contender> gemms_of(BenchPass pass) {
  switch (pass) {
    case BenchPass::forward:
      return kForwardGemms;
    case BenchPass::backward:
      return kBackwardGemms;
    case BenchPass::forward_backward:
      return kBothGemms;
  }
  return {};
}

}  // namespace swiglu::tool
