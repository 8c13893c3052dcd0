// swiglu prewarm: chooses, compiles and stores the kernels of many problems before they are wanted.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>

#include "tools/commands.h"
#include "tools/prewarm/devices.h"
#include "tools/prewarm/prewarm.h"
#include "tools/problem_options.h"

namespace swiglu::tool {
namespace {

constexpr int kInterrupted = 130;  // as shells say it of a program that SIGINT ended

struct Options {
  std::shared_ptr<ProblemOptions> problem;
  std::vector<std::string> problems;
  std::vector<std::string> files;
  std::vector<std::int64_t> tokens;
  std::vector<std::string> devices = {"0"};
  PrewarmOptions prewarm;
  bool estimate = false;
  bool dry_run = false;
  bool json = false;
  int jobs = 0;
};

volatile std::sig_atomic_t interrupted = 0;

// The step under way is finished; a second signal ends the program at once.
void mind_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

// Before any of them is begun, and without a GPU: the library checks the description of a plan on the CPU device as it
// does one on a GPU, but for the accumulators in f64, which are the CPU device's alone.
void check_problem(const PrewarmProblem& problem) {
  swiglu_plan_desc desc = problem.desc;
  if (desc.accum == SWIGLU_ACCUM_F64) {
    throw Failure("there is nothing to prewarm for " + spell(desc) +
                  ": only the CPU device accumulates in f64, and it has no kernels to compile");
  }
  desc.device = SWIGLU_DEVICE_CPU;
  try {
    create_plan(desc);
  } catch (const Failure& failure) {
    throw Failure(spell(desc) + " is no problem: " + failure.what());
  }
}

std::vector<PrewarmProblem> problems_of(const Options& options) {
  const std::vector<std::int64_t>& tokens = options.tokens.empty() ? usual_tokens() : options.tokens;
  std::vector<PrewarmProblem> problems;
  for (const std::string& name : options.problems) {
    problems.push_back({name, parse_problem(name), tokens});
  }
  for (const std::string& file : options.files) {
    std::ifstream stream;
    if (file != "-") {
      stream.open(file);
      if (!stream) {
        throw Failure(file + " cannot be read");
      }
    }
    const auto read = read_problems(file == "-" ? std::cin : stream, file == "-" ? "stdin" : file, tokens);
    problems.insert(problems.end(), read.begin(), read.end());
  }
  if (options.problems.empty() && options.files.empty()) {
    const swiglu_plan_desc desc = describe_problem(*options.problem);
    problems.push_back({spell_problem(desc), desc, tokens});
  }
  std::for_each(problems.begin(), problems.end(), check_problem);
  return merged(std::move(problems));
}

int list(const std::vector<PrewarmProblem>& problems, const Options& options) {
  Json steps = Json::array();
  for (const PrewarmProblem& problem : problems) {
    Json step = {{"problem", problem.name}};
    if (options.prewarm.archs.empty()) {
      step["m"] = problem.tokens;
    } else {
      step["archs"] = options.prewarm.archs;
    }
    if (!options.json) {
      std::printf("%s %s\n", problem.name.c_str(), step.back().dump().c_str());
    }
    steps.push_back(std::move(step));
  }
  if (options.json) {
    std::printf("%s\n", steps.dump(2).c_str());
  }
  return kSuccess;
}

void print_result(const PrewarmResult& result, const Reopened& reopened, bool json) {
  if (json) {
    std::printf("%s\n", Json{{"done", result.done},
                             {"failed", result.failed},
                             {"left", result.left},
                             {"directory", reopened.directory},
                             {"kernels_found_again", reopened.found},
                             {"kernels_missing", reopened.missing},
                             {"problem", reopened.problem}}
                            .dump(2)
                            .c_str());
    return;
  }
  std::printf("%zu done, %zu failed, %zu left\n", result.done.size(), result.failed.size(), result.left);
  for (const Json& failed : result.failed) {
    std::printf("failed: %s\n", failure_in_words(failed).c_str());
  }
  std::printf("%zu kernels found again in %s, %zu missing%s%s\n", reopened.found, reopened.directory.c_str(),
              reopened.missing.size(), reopened.problem.empty() ? "" : "; ", reopened.problem.c_str());
}

void check_combination(const Options& options) {
  const std::string given = given_problem_options(*options.problem);
  if (!given.empty() && !(options.problems.empty() && options.files.empty())) {
    throw CLI::ValidationError(given, "of no effect beside " +
                                          std::string(options.problems.empty() ? "--file" : "PROBLEM") +
                                          ": a problem's spelling says it all, as in f16_f32_4096x14336_nk_gu");
  }
}

int run(const Options& options) {
  if (options.jobs > 0) {
    ::setenv("SWIGLU_CPU_THREADS", std::to_string(options.jobs).c_str(), 1);  // before the library reads it
  }
  check_combination(options);
  const std::vector<PrewarmProblem> problems = problems_of(options);
  if (options.dry_run) {
    return list(problems, options);
  }
  mind_signals();
  PrewarmOptions how = options.prewarm;
  how.measure = !options.estimate;
  const std::string directory = text(swiglu_cache_directory);  // first: without one it is all in vain
  if (how.archs.empty()) {
    how.devices = alike_devices(Json::parse(text(swiglu_info)), options.devices);
  }
  PrewarmResult result;
  {
    Progress progress(options.json ? stderr : stdout, steps_of(problems, how),
                      terminal_columns(options.json ? stderr : stdout));
    result = prewarm(problems, how, progress, [] { return interrupted != 0; });
  }
  const Reopened reopened = reopen(result.kernels);
  print_result(result, reopened, options.json);
  if (!result.failed.empty() || !reopened.missing.empty() || !reopened.problem.empty()) {
    return kFailure;
  }
  return interrupted != 0 ? kInterrupted : kSuccess;
}

}  // namespace

void add_prewarm_command(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("prewarm", "Choose by measuring, compile and store kernels before they are wanted");
  auto options = std::make_shared<Options>();
  command->add_option("PROBLEM", options->problems, "Problems as the library spells them: bf16_f32_4096x14336_nk");
  command->add_option("--file", options->files, "A problem a line, then token counts (1,64,8192); - is stdin")
      ->allow_extra_args(false)
      ->type_name("FILE");
  options->problem = add_problem_options(*command);
  command->add_option("--m,--tokens", options->tokens, "Token counts; default 1,16,64,128,256,512,1024,2048,4096,8192")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,...");
  command->add_option("--device", options->devices, "CUDA ordinals (0,1), or all: cards that are alike share the work")
      ->check(CLI::NonNegativeNumber | CLI::IsMember({"all"}))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,...")
      ->capture_default_str();
  command
      ->add_option("--arch", options->prewarm.archs, "Only compile, for this architecture, without a GPU; repeatable")
      ->allow_extra_args(false)
      ->type_name("ARCH");
  command->add_flag("--estimate", options->estimate, "Choose on paper, measure nothing");
  command->add_option("--seconds", options->prewarm.seconds, "That choosing one kernel may take; default 3")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("S");
  command->add_option("-j,--jobs", options->jobs, "Compiles at a time; default: the machine's processors")
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  command
      ->add_option("-p,--at-once", options->prewarm.steps_at_once,
                   "On each device: while one is measured others compile")
      ->check(CLI::Range(1, 64))
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--time-limit", options->prewarm.time_limit, "Begin nothing after this many seconds")
      ->check(CLI::PositiveNumber)
      ->type_name("S");
  command->add_flag("--dry-run", options->dry_run, "Say what would be done");
  command->add_flag("--json", options->json, "One JSON object on stdout, at the end");
  command->footer(
      "Every kernel and tuning record is stored as soon as it is known: SIGINT ends after the step under way and\n"
      "keeps all before it. At the end the store is read again. The problem is that of --preset and the options that\n"
      "follow it, or else PROBLEM and --file name problems, and then those options must not be given.\n"
      "Exit codes: 0 all done (or no time was left), 1 something failed or is not in the store, 2 wrong command line,\n"
      "130 interrupted.\n"
      "Examples:\n"
      "  swiglu prewarm --preset llama-3-8b --dtype f16\n"
      "  swiglu prewarm bf16_f32_4096x14336_nk bf16_f32_4096x14336_nk_gu --m 1,8192 --time-limit 60\n"
      "  swiglu prewarm --arch sm_90a --file problems.txt -j 16 && swiglu cache export kernels.tar");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace swiglu::tool
