// The subcommands: each adds itself and its options to the program, and on success leaves its exit code in `exit_code`.
#pragma once

#include <CLI/CLI.hpp>

namespace swiglu::tool {

// Exit codes of every subcommand.
inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;  // the library, the device or a check said no; the reason is on stderr
inline constexpr int kUsage = 2;    // the command line is wrong

void add_info_command(CLI::App& app, int& exit_code);
void add_run_command(CLI::App& app, int& exit_code);
void add_bench_command(CLI::App& app, int& exit_code);
void add_compile_command(CLI::App& app, int& exit_code);
void add_prewarm_command(CLI::App& app, int& exit_code);
void add_tuning_command(CLI::App& app, int& exit_code);
void add_cache_command(CLI::App& app, int& exit_code);

}  // namespace swiglu::tool
