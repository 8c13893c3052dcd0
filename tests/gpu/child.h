// This program again, in a fresh process: for what a process reads or measures only once (the environment, cold
// starts). A child runs one otherwise skipped test case, and says what it found on stdout.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace swiglu_test {

struct ChildResult {
  int exit_code = -1;  // -1: it did not exit by itself
  std::string output;  // stdout and stderr, together
};

using Environment = std::vector<std::pair<std::string, std::string>>;  // set over this process's

// Runs this program with these arguments and waits. SWIGLU_TEST_CHILD_PREFIX stands before it: a checker's command, its
// words separated by spaces. Thread-safe.
ChildResult run_child(const std::vector<std::string>& arguments, const Environment& environment);

// Runs one test case of this doctest program that is marked doctest::skip().
ChildResult run_test_case(const std::string& name, const Environment& environment);

// The environment variable a child test case was given, or "".
std::string from_environment(const char* name);

// A child with a conversation: lines to its stdin, lines from its stdout; stderr is this process's. Ends when
// destroyed.
class Conversation {
 public:
  Conversation(const std::vector<std::string>& arguments, const Environment& environment);
  ~Conversation();
  Conversation(Conversation&& other) noexcept;
  Conversation& operator=(Conversation&&) = delete;
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void say(const std::string& line);
  std::string hear();  // the next line; "" when the child has ended

 private:
  int child_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string pending_;
};

}  // namespace swiglu_test
