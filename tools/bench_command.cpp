// swiglu bench: times the library against cuBLASLt over suites of sizes, and reports rates, ratios, clock and power.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tools/bench/forward_operands.h"
#include "tools/bench/laboratory.h"
#include "tools/bench/report.h"
#include "tools/bench/tiles.h"
#include "tools/bench_options.h"
#include "tools/commands.h"

namespace swiglu::tool {
namespace {

// As it was typed, words that need quotes apart.
std::string command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (char& character : text) {
    character = character == '\0' ? ' ' : character;
  }
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  char text[32];
  return gmtime_r(&now, &parts) != nullptr && std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) != 0 ? text
                                                                                                                  : "";
}

void write(const std::string& path, const Json& json) {
  std::ofstream file(path);
  file << json.dump(1) << '\n';
  file.close();
  if (!file) {
    throw Failure("could not write " + path);
  }
}

// A Failure where the report could not be written, before anything is measured for it.
void check_writable(const std::string& path) {
  const bool there = std::filesystem::exists(std::filesystem::symlink_status(path));
  if (!std::ofstream(path, std::ios::app)) {
    throw Failure("could not write " + path);
  }
  if (!there) {
    std::filesystem::remove(path);
  }
}

int run_every_tile(const BenchRequest& request, const BenchOptions& options) {
  if (request.points.size() != 1) {
    throw CLI::ValidationError("--every-tile", "is for one point, and these are " +
                                                   std::to_string(request.points.size()) +
                                                   ": name one with --filter, or with custom and one --m");
  }
  const BenchDevice device = BenchDevice::open(options.device);
  swiglu_plan_desc desc = point_desc(request.kind, request.points.front());
  if (request.pass == BenchPass::backward) {  // the plan runs the forward pass too, to be right
    desc.passes = SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
  }
  const std::vector<std::string> arguments = bench_arguments(request);
  std::vector<TileBench> benches{bench_tile("chosen", "", arguments)};
  for (const CandidateTile& candidate : candidate_tiles(desc, device.arch, options.tiles)) {
    const std::string name = candidate.family + "/" + candidate.tile;
    benches.push_back(candidate.error.empty() ? bench_tile(name, candidate.tile, arguments)
                                              : TileBench{name, nullptr, candidate.error});
  }
  std::printf("%s, %s\n", spell(request.points.front()).c_str(), request.kind_in_words.c_str());
  print_tiles(benches, request.pass);
  if (!options.json.empty()) {
    Json all = Json::array();
    for (const TileBench& bench : benches) {
      all.push_back({{"name", bench.name}, {"error", bench.error}, {"report", bench.report}});
    }
    write(options.json, {{"tiles", all}});
  }
  const bool failed =
      std::any_of(benches.begin(), benches.end(), [](const auto& bench) { return !bench.error.empty(); });
  return failed ? kFailure : kSuccess;
}

int run(const BenchOptions& options) {
  const BenchRequest request = bench_request(options);
  if (options.list) {
    for (const BenchPoint& point : request.points) {
      std::printf("%s\n", spell(point).c_str());
    }
    return kSuccess;
  }
  if (!options.json.empty()) {
    check_writable(options.json);
  }
  if (options.every_tile) {
    return run_every_tile(request, options);
  }
  const std::string command = command_line();
  const std::string date = utc_now();
  BenchProgress progress;
  progress.begin = [&](const BenchReport& report) {
    print_header(request, report.environment, report.prepare_seconds);
  };
  progress.point = [&](const BenchReport& report) {
    print_point(report.points.back(), request.pass);
    if (!options.json.empty()) {  // after each point: a bench that is cut short leaves what it has
      write(options.json, to_json(request, report, command, date));
    }
  };
  const BenchReport report = run_bench(request, progress);
  print_summary(request, report);
  return count_failed(report.points) == 0 ? kSuccess : kFailure;
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bench", "Time the library against cuBLASLt, over suites of sizes");
  const std::shared_ptr<BenchOptions> options = add_bench_options(*command);
  command->footer(
      "The plan's own choice of kernel on paper is timed, and preparing it is not: tuning records decide with --tuned\n"
      "alone. Contenders run on the same operands, interleaved; each is checked first, against float64 and on every\n"
      "element against each other. The baseline computes with f32 sums also where swiglu does not. How it is "
      "measured:\n"
      "docs/measurements.md.\n"
      "Exit codes: 0 all points measured, 1 a point failed or there is no GPU or no cuBLASLt, 2 wrong command line.\n"
      "Examples:\n"
      "  swiglu bench goals --json goals.json\n"
      "  swiglu bench goals --pass backward --layout kn --json backward.json\n"
      "  swiglu bench llm --filter llama-3-8b --quick\n"
      "  swiglu bench goals --filter 'm8192 4096x14336' --every-tile --tiles wgmma --quick\n"
      "  swiglu bench custom --d-model 4096 --d-intermediate 14336 --m 64 8192 --dtype f16 --accum f16 --store");
  command->callback([options, command, &exit_code] {
    const bool sized =
        command->count("--preset") + command->count("--d-model") + command->count("--d-intermediate") > 0;
    if (sized && options->suite != "custom") {
      throw CLI::ValidationError("--preset, --d-model and --d-intermediate",
                                 "are for the suite custom; " + options->suite + " has sizes of its own");
    }
    exit_code = run(*options);
  });
}

}  // namespace swiglu::tool
