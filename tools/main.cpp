// The program `swiglu`: dispatch, help, version, and the one place where failures become exit codes.
#include <cstdio>
#include <exception>
#include <string>

#include "tools/commands.h"
#include "tools/library.h"

namespace {

std::string version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  swiglu::tool::check(swiglu_version(&major, &minor, &patch));
  return "swiglu " + std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

int run(int argc, char** argv) {
  int exit_code = swiglu::tool::kSuccess;
  CLI::App app("Fused SwiGLU kernels, generated and compiled at run time: out = silu(x Wg) * (x Wu).", "swiglu");
  app.footer(
      "Exit codes: 0 success, 1 failure (the reason is on stderr), 2 wrong command line.\n"
      "`swiglu <command> --help` has examples. Environment variables: see README.md.");
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  swiglu::tool::add_info_command(app, exit_code);
  swiglu::tool::add_run_command(app, exit_code);
  swiglu::tool::add_bench_command(app, exit_code);
  swiglu::tool::add_compile_command(app, exit_code);
  swiglu::tool::add_prewarm_command(app, exit_code);
  swiglu::tool::add_tuning_command(app, exit_code);
  swiglu::tool::add_cache_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? swiglu::tool::kSuccess : swiglu::tool::kUsage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "swiglu: %s\n", error.what());
    return swiglu::tool::kFailure;
  }
}
