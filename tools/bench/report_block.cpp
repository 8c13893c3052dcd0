// A point as a block of lines: see report.h. A figure is burst, then sustained.
#include <cstdio>
#include <string>

#include "tools/bench/columns.h"
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
  const std::string otherwise = chosen_otherwise(result);
  return text + (otherwise.empty() ? "" : "  (not chosen on paper: " + otherwise + ")");
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

std::string ratio_line(const PointResult& result, BenchPass pass, const Comparison& comparison) {
  const std::string goal = goal_in_words(result, pass, comparison);
  return "  " + padded(label(comparison), kLabelWidth) +
         both_modes([&](Mode mode) { return ratio(result, comparison, mode); }, 9, 3) + (goal.empty() ? "" : "  ") +
         goal + "\n";
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
    text += ratio_line(result, pass, comparison);
  }
  return text;
}

}  // namespace swiglu::tool
