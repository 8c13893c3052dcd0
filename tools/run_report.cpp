// The report of `swiglu run`: see run_report.h.
#include "tools/run_report.h"

#include <cstdio>

#include "tools/problem_options.h"
#include "tools/statistics.h"

namespace swiglu::tool {
namespace {

// Gate and up projection, a multiplication and an addition per product.
double tera_flops(const RunReport& report) {
  return 4e-12 * static_cast<double>(report.m) * static_cast<double>(report.desc.d_model) *
         static_cast<double>(report.desc.d_intermediate);
}

std::string rows_in_words(const RunReport& report) {
  const std::int64_t rows = report.verdict.rows_checked;
  if (rows == report.m) {
    return "all " + std::to_string(rows) + " rows";
  }
  return std::to_string(rows) + " of " + std::to_string(report.m) +
         " rows (first, last, and one in each of equal bands), all columns";
}

Json to_json(const RunReport& report) {
  const double milliseconds = median(report.execution.milliseconds);
  Json outputs = Json::object();
  for (const OutputVerdict& output : report.verdict.outputs) {
    outputs[output.name] = {{"error", output.errors.whole},
                            {"worst_block_error", output.errors.worst_block},
                            {"worst_block_row", output.errors.worst_row},
                            {"worst_block_column", output.errors.worst_column}};
  }
  return {{"problem", spell(report.desc)},
          {"m", report.m},
          {"seed", report.seed},
          {"device", report.desc.device == SWIGLU_DEVICE_CPU ? Json("cpu") : Json(report.desc.device)},
          {"why_device", report.why_device},
          {"plan", report.description},
          {"prepare_milliseconds", report.execution.prepare_milliseconds},
          {"passed", report.verdict.passed},
          {"repeatable", report.execution.repeatable},
          {"rows_checked", report.verdict.rows_checked},
          {"outputs", outputs},
          {"limit", report.verdict.limits.whole},
          {"block_limit", report.verdict.limits.block},
          {"unfused_error", report.verdict.unfused_error},
          {"milliseconds", milliseconds},
          {"all_milliseconds", report.execution.milliseconds},
          {"how_timed", report.execution.how_timed},
          {"tflops", tera_flops(report) / (milliseconds * 1e-3)}};
}

void print_kernel(const RunReport& report) {
  const Json kernel = kernel_of(report.description, report.desc.passes);
  std::printf("kernel    %s: %s\n", kernel.value("config", kernel.value("family", "?")).c_str(),
              kernel.value("why", "?").c_str());
  if (report.desc.device == SWIGLU_DEVICE_CPU) {
    return;
  }
  const std::string origin = kernel.value("origin", "?");
  std::printf("          tile %s, %d registers, %d B spilled, %d B shared memory\n", kernel.value("tile", "?").c_str(),
              kernel.value("registers", -1), kernel.value("spill_bytes", -1), kernel.value("shared_bytes", -1));
  std::printf("          kernel store %s (%s), compile time %.0f ms\n", origin == "compiled" ? "miss" : "hit",
              origin.c_str(), kernel.value("compile_milliseconds", 0.0));
}

void print_text(const RunReport& report) {
  const Verdict& verdict = report.verdict;
  const double milliseconds = median(report.execution.milliseconds);
  const Json device = report.description.value("device", Json::object());
  std::printf("problem   m %lld, %s, seed %llu\n", static_cast<long long>(report.m), spell(report.desc).c_str(),
              static_cast<unsigned long long>(report.seed));
  std::printf("device    %s%s (%s)\n", device.value("name", "?").c_str(),
              device.contains("arch") ? (", " + device.value("arch", "")).c_str() : "", report.why_device.c_str());
  print_kernel(report);
  std::printf("prepare   %.1f ms\n", report.execution.prepare_milliseconds);
  std::printf("checked   %s against float64\n", rows_in_words(report).c_str());
  for (const OutputVerdict& output : verdict.outputs) {
    std::printf("error     %-3s %.3e (limit %.3e), worst 64x64 block %.3e (limit %.3e): %s\n", output.name.c_str(),
                output.errors.whole, verdict.limits.whole, output.errors.worst_block, verdict.limits.block,
                within(output.errors, verdict.limits) ? "ok" : "FAILED");
  }
  std::printf("          an unfused 16-bit computation of the same rows loses %.3e\n", verdict.unfused_error);
  std::printf("repeated  %s\n", report.execution.repeatable ? "bit for bit" : "FAILED: the bits differ");
  std::printf("time      %.4f ms, median of %zu (%s)\n", milliseconds, report.execution.milliseconds.size(),
              report.execution.how_timed.c_str());
  std::printf("rate      %.3f TFLOP/s of 4 m d_model d_intermediate\n", tera_flops(report) / (milliseconds * 1e-3));
}

}  // namespace

void print(const RunReport& report, bool json) {
  if (json) {
    std::printf("%s\n", to_json(report).dump(2).c_str());
  } else {
    print_text(report);
  }
}

}  // namespace swiglu::tool
