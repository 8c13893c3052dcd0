// swiglu run: makes a random problem, executes it, checks it against float64, and reports kernel, error and time.
#include <memory>

#include "tools/commands.h"
#include "tools/device_memory.h"
#include "tools/problem_options.h"
#include "tools/run_report.h"

namespace swiglu::tool {
namespace {

constexpr std::int64_t kTokensOnGpu = 4096;
constexpr std::int64_t kTokensOnCpu = 16;
constexpr int kRepeatsOnGpu = 20;
constexpr int kRepeatsOnCpu = 3;

struct RunOptions {
  std::shared_ptr<ProblemOptions> problem;
  std::int64_t m = 0;  // 0: by device
  std::string device = "auto";
  int repeat = 0;  // 0: by device
  std::uint64_t seed = 1;
  std::int64_t check_rows = 0;  // 0: as many as take seconds
  bool json = false;
};

// "auto", "cpu" or an ordinal; empty if it is one of them.
std::string check_device(const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 4 && text.find_first_not_of("0123456789") == std::string::npos;
  return text == "auto" || text == "cpu" || digits ? "" : "--device: '" + text + "' is none of auto, cpu, or a number";
}

std::int32_t choose_device(const std::string& text, std::string& why) {
  if (text == "cpu") {
    why = "asked for";
    return SWIGLU_DEVICE_CPU;
  }
  if (text != "auto") {
    why = "asked for";
    return std::stoi(text);
  }
  const DeviceCount devices = count_devices();
  why = devices.count > 0 ? "the first of " + std::to_string(devices.count) : "no CUDA device: " + devices.why_none;
  return devices.count > 0 ? 0 : SWIGLU_DEVICE_CPU;
}

int run(const RunOptions& options) {
  RunReport report;
  report.desc = describe_problem(*options.problem);
  report.desc.device = choose_device(options.device, report.why_device);
  const bool cpu = report.desc.device == SWIGLU_DEVICE_CPU;
  report.m = options.m != 0 ? options.m : (cpu ? kTokensOnCpu : kTokensOnGpu);
  report.seed = options.seed;
  const int repeat = options.repeat != 0 ? options.repeat : (cpu ? kRepeatsOnCpu : kRepeatsOnGpu);

  const Plan plan = create_plan(report.desc);  // first: a problem that cannot be served costs no time
  const RandomProblem problem = make_random_problem(report.desc, report.m, options.seed);
  report.execution = execute(plan, report.desc, problem, report.m, repeat);
  report.description = describe(plan.get(), report.m);
  report.verdict = judge(report.desc, problem, report.execution, report.m, options.check_rows);
  print(report, options.json);
  return report.verdict.passed ? kSuccess : kFailure;
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("run", "Execute a random problem, check it against float64, report kernel and time");
  auto options = std::make_shared<RunOptions>();
  options->problem = add_problem_options(*command);
  command->add_option("--m,--tokens", options->m, "Rows of x; default 4096 on a GPU, 16 on the CPU")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 31))
      ->type_name("N");
  command->add_option("--device", options->device, "auto (the first GPU, else the CPU), cpu, or a CUDA ordinal")
      ->check(CLI::Validator(check_device, "", "device"))
      ->type_name("auto|cpu|N")
      ->capture_default_str();
  command->add_option("--repeat", options->repeat, "Timed executions; default 20 on a GPU, 3 on the CPU")
      ->check(CLI::Range(1, 100000))
      ->type_name("N");
  command->add_option("--seed", options->seed, "Of the random operands")->type_name("N")->capture_default_str();
  command
      ->add_option("--check-rows", options->check_rows, "Rows checked; default: as many as take seconds, at least 32")
      ->check(CLI::Range(std::int64_t{3}, std::int64_t{1} << 31))
      ->type_name("N");
  command->add_flag("--json", options->json, "One JSON object on stdout");
  command->footer(
      "x ~ N(0, 1), weights ~ N(0, 1) / sqrt(d_model). The check compares relative Frobenius errors, over all checked\n"
      "rows and over the worst 64x64 block of them, with the limits of docs/numerics.md; the first and the last\n"
      "execution must agree bit by bit.\n"
      "Exit codes: 0 within the limits, 1 not, or the library refused, 2 wrong command line.\n"
      "Examples:\n"
      "  swiglu run                                            a Llama-3-8B layer on whatever is here\n"
      "  swiglu run --m 8192 --dtype f16 --accum f16_promoted --layout kn\n"
      "  swiglu run --device cpu --m 7 --d-model 100 --d-intermediate 33 --store --json");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace swiglu::tool
