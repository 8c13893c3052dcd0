// The table: see report.h. A line of it, or a block of lines, as each point is done.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "tools/bench/columns.h"
#include "tools/bench/report.h"
#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

std::string both_modes(const std::function<double(Mode)>& value, int width, int decimals) {
  return column(value(Mode::burst), width, decimals) + " " + column(value(Mode::sustained), width, decimals);
}

constexpr int kIndent = 25;  // of what is said below a line of the table

double clock_of(const PointResult& result, Mode mode) {
  return median(result.of(Contender::swiglu).of(mode).megahertz);
}

void print_forward_legend() {
  std::printf(
      "T: cuBLASLt's GEMM alone (f32 sums), its heuristic's first algorithm; Tb: the fastest of up to %d; T+act: T, "
      "then "
      "silu(g) * u\n"
      "TFLOP/s of 4 m d_model d_intermediate; ratios of times: below 1, swiglu is faster; cold L2; medians\n\n",
      CublasLtGemm::kMostAlgorithms);
  std::printf("%6s %7s %7s  %15s  %11s  %11s  %11s  %9s %5s  kernel\n", "m", "d_model", "d_inter", "TFLOP/s",
              "swiglu/T", "swiglu/Tb", "/(T+act)", "MHz", "W");
  std::printf("%6s %7s %7s  %7s %7s  %5s %5s  %5s %5s  %5s %5s  %4s %4s\n", "", "", "", "burst", "sustain", "burst",
              "sust.", "burst", "sust.", "burst", "sust.", "bur.", "sus.");
}

void print_forward_point(const PointResult& result) {
  std::string line = both_modes([&](Mode mode) { return tera_flops(result, Contender::swiglu, mode); }, 7, 1);
  for (const Comparison& comparison : comparisons_of(BenchPass::forward)) {
    line += "  " + both_modes([&](Mode mode) { return ratio(result, comparison, mode); }, 5, 3);
  }
  line += "  " + both_modes([&](Mode mode) { return clock_of(result, mode); }, 4, 0);
  const Json used = result.kernels.empty() ? Json::object() : result.kernels.front();
  const std::string kernel = used.value("family", "?") + "/" + used.value("tile", "?");
  std::printf("%s %s  %s%s%s\n", line.c_str(), column(result.watts.value_or(std::nan("")), 5, 0).c_str(),
              kernel.c_str(), result.point.model.empty() ? "" : "  ", result.point.model.c_str());
  if (const std::string otherwise = chosen_otherwise(result); !otherwise.empty()) {
    std::printf("%*snot chosen on paper: %s\n", kIndent, "", otherwise.c_str());
  }
  if (const std::string goals = goals_of_point(result, BenchPass::forward); !goals.empty()) {
    std::printf("%*s%s\n", kIndent, "", goals.c_str());
  }
}

}  // namespace

void print_header(const BenchRequest& request, const Json& environment, double prepare_seconds) {
  const auto word = [&](const char* part, const char* field) {
    return environment.value(part, Json::object()).value(field, "?");
  };
  std::printf("%s, driver %s, NVRTC %s, cuBLASLt %s; %s\n", word("gpu", "name").c_str(),
              word("driver", "version").c_str(), word("nvrtc", "version").c_str(), word("cublaslt", "version").c_str(),
              request.kind_in_words.c_str());
  std::printf(
      "%zu points prepared in %.1f s; %d rounds of bursts, %.2f s sustained for each contender; kernels chosen %s\n",
      request.points.size(), prepare_seconds, request.effort.rounds, request.effort.sustained_seconds,
      request.tuned ? "by tuning records where there are some" : "on paper");
  if (request.pass == BenchPass::forward) {
    print_forward_legend();
  } else {
    std::printf("%s", block_legend().c_str());
  }
  std::fflush(stdout);
}

void print_point(const PointResult& result, BenchPass pass) {
  const BenchPoint& point = result.point;
  std::printf("%6lld %7lld %7lld  ", static_cast<long long>(point.m), static_cast<long long>(point.d_model),
              static_cast<long long>(point.d_intermediate));
  if (!result.error.empty()) {
    std::printf("FAILED: %s\n", result.error.c_str());
  } else if (pass == BenchPass::forward) {
    print_forward_point(result);
  } else {
    std::printf("%s", block_of(result, pass).c_str());
  }
  std::fflush(stdout);
}

void print_summary(const BenchRequest& request, const BenchReport& report) {
  const BenchPass pass = request.pass;
  std::printf("\n");
  constexpr std::size_t kLeastWidth = 13;
  std::size_t width = kLeastWidth;
  for (const Comparison& comparison : comparisons_of(pass)) {
    width = std::max(width, label(comparison).size());
  }
  for (const Comparison& comparison : comparisons_of(pass)) {
    for (const Mode mode : kModes) {
      const RatioSummary summary = summarize(report.points, comparison, mode);
      if (summary.points != 0) {
        std::printf("%-*s %-9s  geometric mean %.3f, at most 1 at %d of %d points, worst %.3f (%s)\n",
                    static_cast<int>(width), label(comparison).c_str(), name(mode), summary.geometric_mean,
                    summary.at_most_one, summary.points, summary.worst, summary.worst_point.c_str());
      }
    }
  }
  std::printf("%s%s%zu points in %.1f s, %d failed\n", goals_met(request, report).c_str(),
              chosen_otherwise(report).c_str(), report.points.size(), report.measure_seconds,
              count_failed(report.points));
}

}  // namespace swiglu::tool
