// This program again, in a fresh process: for what a process reads or measures only once (the environment, cold
// starts). A child runs one otherwise skipped test case, and says what it found on stdout.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace swiglu_test {

struct ChildResult {
  int exit_code = -1;  // -1: it did not exit by itself, or was to run a test case and ran none
  std::string output;  // stdout and stderr, together
};

using Environment = std::vector<std::pair<std::string, std::string>>;  // set over this process's

// Runs this program with these arguments and waits. `prefix` stands before it: another command, its words separated by
// spaces. Thread-safe.
ChildResult run_child(const std::vector<std::string>& arguments, const Environment& environment,
                      const std::string& prefix = "");

// Runs one test case of this doctest program that is marked doctest::skip(), with SWIGLU_TEST_CHILD_PREFIX (a checker's
// command) as prefix.
ChildResult run_test_case(const std::string& name, const Environment& environment);

// The environment variable a child test case was given, or "".
std::string from_environment(const char* name);

inline constexpr const char* kDeviceVariable = "SWIGLU_TEST_DEVICE";
inline constexpr const char* kCompileAheadVariable = "SWIGLU_TEST_COMPILE_AHEAD";

}  // namespace swiglu_test
