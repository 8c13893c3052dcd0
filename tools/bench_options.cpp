// Options -> request -> options: see bench_options.h.
#include "tools/bench_options.h"

#include "tools/bench/suites.h"

namespace swiglu::tool {
namespace {

constexpr int kQuickRounds = 5;

std::vector<BenchPoint> points_of(const BenchOptions& options) {
  if (options.suite != "custom") {
    return filtered(suite_points(options.suite, bench_pass(options.pass), options.tokens), options.filter);
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
  auto* every_tile = command.add_flag("--every-tile", options.every_tile,
                                      "One point, by every candidate tile: a process each, with the baselines in it");
  command.add_option("--tiles", options.tiles, "Of those, the ones whose family/tile contains this")
      ->needs(every_tile)
      ->type_name("TEXT");
  std::vector<std::string> passes;
  std::string pass_names;
  for (const BenchPass pass : kBenchPasses) {
    passes.emplace_back(name(pass));
    pass_names += (pass_names.empty() ? "" : "|") + passes.back();
  }
  command.add_option("--pass", options.pass, "What is timed")
      ->check(CLI::IsMember(passes).description(""))
      ->type_name(pass_names)
      ->capture_default_str();
}

}  // namespace

std::shared_ptr<BenchOptions> add_bench_options(CLI::App& command) {
  auto options = std::make_shared<BenchOptions>();
  add_selection_options(command, *options);
  options->problem = add_problem_options(command);
  for (const char* size : {"--preset", "--d-model", "--d-intermediate"}) {
    command.get_option(size)->group("Sizes of the suite custom");
  }
  command.add_option("--device", options->device, "CUDA ordinal")
      ->check(CLI::Range(0, 9999))
      ->type_name("N")
      ->capture_default_str();
  add_effort_options(command, *options);
  command.add_flag("--tuned", options->tuned,
                   "Kernels as a plan takes them, from tuning records where there are some; else on paper alone");
  command.add_option("--json", options->json, "Write everything, with every sample, to this file")->type_name("FILE");
  command.add_option("--seed", options->seed, "Of the random operands")->type_name("N")->capture_default_str();
  command.add_option("--cublaslt", options->cublaslt, "The cuBLASLt library; searched for by default")
      ->type_name("FILE");
  return options;
}

BenchRequest bench_request(const BenchOptions& options) {
  BenchRequest request;
  request.suite = options.suite;
  request.points = points_of(options);
  request.pass = bench_pass(options.pass);
  request.kind = describe_problem(*options.problem);
  if (request.pass != BenchPass::forward) {
    if (options.problem->store) {
      throw CLI::ValidationError("--store", "is for the pass forward; " + options.pass +
                                                " measures with and without stored g and u in any case");
    }
    request.kind.passes =
        SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE | SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
  }
  request.kind.device = options.device;
  request.kind_in_words = spell_kind(request.kind);
  request.effort.rounds = options.quick ? kQuickRounds : options.rounds;
  request.effort.sustained_seconds = options.quick ? 0 : options.seconds;
  request.seed = options.seed;
  request.cublaslt = options.cublaslt;
  request.tuned = options.tuned;
  request.kind.options = options.tuned ? 0 : SWIGLU_OPTION_IGNORE_RECORDS;
  if (request.points.empty()) {
    throw CLI::ValidationError(
        "--filter", "no point of the suite " + options.suite + " contains '" + options.filter + "'; --list shows them");
  }
  return request;
}

std::vector<std::string> bench_arguments(const BenchRequest& request) {
  const BenchPoint& point = request.points.front();
  std::vector<std::string> arguments{"bench", "custom"};
  const auto add = [&](const char* option, const std::string& value) {
    arguments.insert(arguments.end(), {option, value});
  };
  add("--pass", name(request.pass));
  add("--m", std::to_string(point.m));
  add("--d-model", std::to_string(point.d_model));
  add("--d-intermediate", std::to_string(point.d_intermediate));
  add("--device", std::to_string(request.kind.device));
  add("--rounds", std::to_string(request.effort.rounds));
  add("--seconds", std::to_string(request.effort.sustained_seconds));
  add("--seed", std::to_string(request.seed));
  if (!request.cublaslt.empty()) {
    add("--cublaslt", request.cublaslt);
  }
  if (request.tuned) {
    arguments.emplace_back("--tuned");
  }
  const std::vector<std::string> kind = kind_arguments(request.kind);
  arguments.insert(arguments.end(), kind.begin(), kind.end());
  return arguments;
}

}  // namespace swiglu::tool
