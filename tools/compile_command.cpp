// swiglu compile: compiles a problem's kernels for named architectures into the kernel store. Needs no GPU.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tools/commands.h"
#include "tools/library.h"
#include "tools/problem_options.h"

namespace swiglu::tool {
namespace {

struct CompileOptions {
  std::shared_ptr<ProblemOptions> problem;
  std::vector<std::string> archs;
  bool all = false;
  bool force = false;
  bool json = false;
};

void print_kernel(const std::string& arch, const Json& kernel) {
  const bool ok = kernel.value("ok", false);
  std::printf("%-7s %-4s %s  %d registers, %d B spilled, %d B shared, %.0f ms, %s\n", arch.c_str(), ok ? "ok" : "FAIL",
              kernel.value("config", "?").c_str(), kernel.value("registers", 0), kernel.value("spill_bytes", 0),
              kernel.value("shared_bytes", 0), kernel.value("milliseconds", 0.0),
              kernel.value("origin", ok ? "?" : "not made").c_str());
  if (!ok) {
    std::printf("        %s\n", kernel.value("message", "no message").c_str());
  }
  std::fflush(stdout);  // a line as each kernel arrives, also into a pipe
}

int run(const CompileOptions& options) {
  const swiglu_plan_desc desc = describe_problem(*options.problem);
  const std::uint32_t flags = (options.all ? unsigned{SWIGLU_COMPILE_ALL_CANDIDATES} : 0U) |
                              (options.force ? unsigned{SWIGLU_COMPILE_FORCE} : 0U);
  Json kernels = Json::array();
  Json errors = Json::array();
  if (!options.json) {
    std::printf("problem: %s\n", spell(desc).c_str());
  }
  for (const std::string& arch : options.archs) {
    Reports reports([&](const Json& kernel) {
      Json entry = {{"arch", arch}};
      entry.update(kernel);
      kernels.push_back(entry);
      if (!options.json) {
        print_kernel(arch, kernel);
      }
    });
    const swiglu_status status = swiglu_compile(&desc, arch.c_str(), flags, Reports::callback, &reports);
    if (status != SWIGLU_OK) {  // the other architectures may still work
      errors.push_back({{"arch", arch}, {"status", swiglu_status_name(status)}, {"message", last_error()}});
      std::fprintf(stderr, "swiglu: %s: %s: %s\n", arch.c_str(), swiglu_status_name(status), last_error().c_str());
    }
    reports.rethrow();
  }
  if (options.json) {
    std::printf("%s\n", Json{{"problem", spell(desc)}, {"kernels", kernels}, {"errors", errors}}.dump(2).c_str());
  } else {
    std::printf("%zu kernels, %zu architectures, %zu failed\n", kernels.size(), options.archs.size(), errors.size());
  }
  return errors.empty() ? kSuccess : kFailure;
}

}  // namespace

void add_compile_command(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("compile", "Compile a problem's kernels ahead, for any architecture, without a GPU");
  auto options = std::make_shared<CompileOptions>();
  options->problem = add_problem_options(*command);
  command->add_option("--arch", options->archs, "Architecture such as sm_80 or sm_90a; may be repeated")
      ->required()
      ->type_name("ARCH");
  command->add_flag("--all", options->all, "Every tile that suits the problem, not only those chosen for some m");
  command->add_flag("--force", options->force, "Compile even what the kernel store already holds");
  command->add_flag("--json", options->json, "One JSON object on stdout, at the end");
  command->footer(
      "Kernels go to the user's kernel store (`swiglu cache where`), one file each: set SWIGLU_CACHE_DIR to fill a\n"
      "directory for an image, and SWIGLU_CACHE_PATH where it is used. All m are served: m is not part of a kernel.\n"
      "Exit codes: 0 all compiled or found, 1 a kernel or an architecture failed, 2 wrong command line.\n"
      "Examples:\n"
      "  swiglu compile --arch sm_90a --arch sm_80 --preset llama-3-8b\n"
      "  swiglu compile --arch sm_120a --dtype f16 --accum f16 --d-model 1024 --d-intermediate 3072 --all --json");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace swiglu::tool
