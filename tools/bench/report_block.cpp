// A point as a block of lines: see report.h. A figure is burst, then sustained.
#include <cmath>
#include <cstdio>
#include <string>

#include "tools/bench/columns.h"
#include "tools/bench/goals.h"
#include "tools/bench/report.h"
#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

constexpr std::size_t kLabelWidth = 28;
constexpr double kMicroseconds = 1e3;

template <typename Value>
std::string both_modes(Value value, int width, int decimals) {
  return column(value(Mode::burst), width, decimals) + " " + column(value(Mode::sustained), width, decimals);
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

std::string kernels_of_point(const PointResult& result) {
  std::string text;
  for (const auto& [pass, kernel] : result.kernels.items()) {
    if (kernel.value("family", "") != "streaming") {  // one kernel does for all sizes
      text += (text.empty() ? "" : ", ") + pass + " " + kernel.value("family", "?") + "/" + kernel.value("tile", "?");
    }
  }
  return text;
}

std::string contender_line(const PointResult& result, Contender contender) {
  const bool multiplies = products(contender) != 0;
  const bool moves = matrices(contender) != 0;
  const auto rate = [&](Mode mode) {
    return multiplies ? tera_flops(result, contender, mode) : gigabytes_per_second(result, contender, mode);
  };
  return "  " + padded(label(contender), kLabelWidth) +
         both_modes([&](Mode mode) { return kMicroseconds * milliseconds(result, contender, mode); }, 9, 1) + "  " +
         both_modes(rate, 7, multiplies ? 1 : 0) +
         (multiplies ? " TFLOP/s"
          : moves    ? " GB/s   "
                     : "        ") +
         "  " + both_modes([&](Mode mode) { return median(result.of(contender).of(mode).megahertz); }, 4, 0) +
         " MHz  " +
         both_modes([&](Mode mode) { return 100 * spread(result.of(contender).of(mode).milliseconds); }, 4, 1) + " %\n";
}

bool met(const PointResult& result, const Comparison& comparison, Mode mode, double limit) {
  return ratio(result, comparison, mode) <= limit;
}

std::string verdict(const PointResult& result, const Comparison& comparison, double limit) {
  std::string words = "  goal " + column(limit, 5, 3) + ":";
  for (const Mode mode : kModes) {
    if (!std::isnan(ratio(result, comparison, mode))) {
      words += std::string(" ") + name(mode) + (met(result, comparison, mode, limit) ? " met" : " MISSED");
    }
  }
  return words;
}

std::string ratio_line(const PointResult& result, const Comparison& comparison) {
  const std::optional<double> limit = goal_of(result.point, comparison);
  return "  " + padded(label(comparison), kLabelWidth) +
         both_modes([&](Mode mode) { return ratio(result, comparison, mode); }, 9, 3) +
         (limit ? verdict(result, comparison, *limit) : "") + "\n";
}

}  // namespace

std::string block_legend() {
  return "T, Tb: cuBLASLt's GEMM (f32 sums) by its heuristic's first algorithm, by the fastest of up to " +
         std::to_string(CublasLtGemm::kMostAlgorithms) +
         ".\n"
         "dx is one GEMM [m, 2 d_intermediate] x [2 d_intermediate, d_model], dW one over the tokens, of both "
         "weights.\n"
         "+act, +elem: and kernels of 16-byte accesses that make silu(g) u, and dg and du.\n"
         "backward, stored, recomputed: the library as it is called, from stored g and u or from x alone; dgate, dx, "
         "dW,\n"
         "recompute: its kernels one by one; copy: as many bytes as dgate moves (dgate/copy 1.111 is 90 % of its "
         "rate).\n"
         "TFLOP/s of the products asked for, recomputing not counted; ratios of times: below 1, the first is faster.\n"
         "Two figures: burst (cold L2), sustained; medians, and the distance between the quartiles.\n\n";
}

std::string block_of(const PointResult& result, BenchPass pass) {
  const std::string watts = result.watts ? column(*result.watts, 0, 0) + " W  " : "";
  std::string text = result.point.model + (result.point.model.empty() ? "" : "  ") + watts + kernels_of_point(result) +
                     "\n  " + padded("", kLabelWidth) + "       us               rate\n";
  for (const Contender contender : contenders_of(pass)) {
    text += contender_line(result, contender);
  }
  for (const Comparison& comparison : comparisons_of(pass)) {
    text += ratio_line(result, comparison);
  }
  return text;
}

std::string goals_met(const BenchReport& report, BenchPass pass) {
  int goals = 0;
  int reached = 0;
  for (const PointResult& point : report.points) {
    for (const Comparison& comparison : comparisons_of(pass)) {
      const std::optional<double> limit = goal_of(point.point, comparison);
      for (const Mode mode : kModes) {
        if (limit && !std::isnan(ratio(point, comparison, mode))) {
          ++goals;
          reached += met(point, comparison, mode, *limit) ? 1 : 0;
        }
      }
    }
  }
  return goals == 0 ? "" : "goals met: " + std::to_string(reached) + " of " + std::to_string(goals) + "\n";
}

}  // namespace swiglu::tool
