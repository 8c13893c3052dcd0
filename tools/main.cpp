// The program `swiglu`: dispatch, help, version, and the one place where failures become exit codes.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

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
  } catch (const CLI::RequiredError& error) {
    // Where a command is misspelt, that is what is wrong, and not that there is none.
    const std::vector<std::string> unknown = app.remaining(true);
    app.exit(unknown.empty() ? CLI::ParseError(error) : CLI::ExtrasError(app.get_name(), unknown));
    return swiglu::tool::kUsage;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? swiglu::tool::kSuccess : swiglu::tool::kUsage;
  }
  return exit_code;
}

// Compilers take and give back memory all the time, and many at once wait for each other wherever the process asks the
// system: what was freed is kept. An eighth of the page faults are left.
void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  ::mallopt(M_MMAP_THRESHOLD, 1 << 25);  // the most there can be
  ::mallopt(M_TOP_PAD, 1 << 24);
#endif
}

// A stream that the caller closed: the next file opened would take its descriptor, and receive what is printed. What
// stands in its place here fails on use, as a closed one does.
void occupy_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) == -1 && errno == EBADF) {
      ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // takes the lowest free one: this
    }
  }
}

// Why not all that was printed has arrived; empty if it has.
std::string why_output_was_lost() {
  const bool earlier = std::ferror(stdout) != 0;
  if (std::fflush(stdout) != 0) {
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): no other thread is left
  }
  return earlier ? "a write failed" : "";
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_streams();
  keep_freed_memory();
  int exit_code = swiglu::tool::kFailure;
  try {
    exit_code = run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "swiglu: %s\n", error.what());
  }
  if (const std::string why = why_output_was_lost(); !why.empty()) {
    std::fprintf(stderr, "swiglu: standard output is incomplete: %s\n", why.c_str());
    return exit_code == swiglu::tool::kSuccess ? swiglu::tool::kFailure : exit_code;
  }
  return exit_code;
}
