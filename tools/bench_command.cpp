// swiglu bench: times the library against cuBLASLt over suites of sizes, and reports rates, ratios, clock and power.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tools/bench/report.h"
#include "tools/bench/session.h"
#include "tools/bench/suites.h"
#include "tools/commands.h"
#include "tools/problem_options.h"

namespace swiglu::tool {
namespace {

constexpr int kQuickRounds = 5;

struct BenchOptions {
  std::string suite;
  std::shared_ptr<ProblemOptions> problem;
  std::vector<std::int64_t> tokens;
  std::string filter;
  int device = 0;
  int rounds = 11;
  double seconds = 0.2;
  bool quick = false;
  bool list = false;
  std::string json;
  std::uint64_t seed = 1;
  std::string cublaslt;
  std::string pass = "forward";
};

std::vector<BenchPoint> points_of(const BenchOptions& options) {
  if (options.suite != "custom") {
    return filtered(suite_points(options.suite, options.tokens), options.filter);
  }
  constexpr std::int64_t kTokens = 8192;
  const swiglu_plan_desc desc = describe_problem(*options.problem);
  const bool preset = options.problem->d_model == 0 && options.problem->d_intermediate == 0;
  std::vector<BenchPoint> points;
  for (const std::int64_t m : options.tokens.empty() ? std::vector<std::int64_t>{kTokens} : options.tokens) {
    points.push_back({preset ? options.problem->preset : "", m, desc.d_model, desc.d_intermediate});
  }
  return filtered(points, options.filter);
}

BenchRequest request_of(const BenchOptions& options) {
  BenchRequest request;
  request.suite = options.suite;
  request.points = points_of(options);
  request.kind = describe_problem(*options.problem);
  request.kind.device = options.device;
  request.kind_in_words = spell_kind(request.kind);
  request.effort.rounds = options.quick ? kQuickRounds : options.rounds;
  request.effort.sustained_seconds = options.quick ? 0 : options.seconds;
  request.seed = options.seed;
  request.cublaslt = options.cublaslt;
  return request;
}

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

int run(const BenchOptions& options) {
  const BenchRequest request = request_of(options);
  if (request.points.empty()) {
    throw CLI::ValidationError(
        "--filter", "no point of the suite " + options.suite + " contains '" + options.filter + "'; --list shows them");
  }
  if (options.list) {
    for (const BenchPoint& point : request.points) {
      std::printf("%s\n", spell(point).c_str());
    }
    return kSuccess;
  }
  const BenchReport report =
      run_bench(request, {[&](const Json& environment, double seconds) { print_header(request, environment, seconds); },
                          [](const PointResult& result) { print_point(result); }});
  print_summary(report);
  if (!options.json.empty()) {
    write(options.json, to_json(request, report, command_line(), utc_now()));
  }
  return count_failed(report.points) == 0 ? kSuccess : kFailure;
}

void add_effort_options(CLI::App& command, BenchOptions& options) {
  command.add_option("--rounds", options.rounds, "Bursts of every contender, interleaved")
      ->check(CLI::Range(1, 10000))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--seconds", options.seconds, "Sustained load for every contender, in three rounds; 0: none")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  command.add_flag("--quick", options.quick, "5 rounds of bursts, nothing sustained");
}

void add_selection_options(CLI::App& command, BenchOptions& options) {
  std::vector<std::string> suites(suite_names().begin(), suite_names().end());
  std::string names;
  for (const std::string& suite : suites) {
    names += (names.empty() ? "" : "|") + suite;
  }
  command
      .add_option(
          "suite", options.suite,
          "goals: the acceptance sizes; seed: d_model 256..4096; llm: layers of known models at 1..8192 tokens; "
          "custom: --preset or --d-model and --d-intermediate")
      ->required()
      ->check(CLI::IsMember(suites).description(""))
      ->type_name(names);
  command.add_option("--m,--tokens", options.tokens, "Rows of x, one or more, in place of the suite's own")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31))
      ->type_name("N...");
  command.add_option("--filter", options.filter, "Only points whose line in --list contains this")->type_name("TEXT");
  command.add_flag("--list", options.list, "Print the points and stop");
  command.add_option("--pass", options.pass, "What is timed")
      ->check(CLI::IsMember({"forward"}).description(""))
      ->type_name("forward")
      ->capture_default_str();
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bench", "Time the library against cuBLASLt, over suites of sizes");
  auto options = std::make_shared<BenchOptions>();
  add_selection_options(*command, *options);
  ProblemOptions defaults;
  defaults.layout = SWIGLU_NK;
  options->problem = add_problem_options(*command, defaults);
  for (const char* size : {"--preset", "--d-model", "--d-intermediate"}) {
    command->get_option(size)->group("Sizes of the suite custom");
  }
  command->add_option("--device", options->device, "CUDA ordinal")
      ->check(CLI::Range(0, 9999))
      ->type_name("N")
      ->capture_default_str();
  add_effort_options(*command, *options);
  command->add_option("--json", options->json, "Write everything, with every sample, to this file")->type_name("FILE");
  command->add_option("--seed", options->seed, "Of the random operands")->type_name("N")->capture_default_str();
  command->add_option("--cublaslt", options->cublaslt, "The cuBLASLt library; searched for by default")
      ->type_name("FILE");
  command->footer(
      "The plan's own choice of kernel is timed, and preparing it is not. Contenders run in the same process on the "
      "same\n"
      "operands, interleaved; each is checked first, against float64 and on every element against each other. The\n"
      "baseline computes with f32 sums also where swiglu does not. How it is measured: docs/measurements.md.\n"
      "Exit codes: 0 all points measured, 1 a point failed or there is no GPU or no cuBLASLt, 2 wrong command line.\n"
      "Examples:\n"
      "  swiglu bench goals --json goals.json\n"
      "  swiglu bench llm --filter llama-3-8b --quick\n"
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
