// A "machine" is this program again with an environment of its own, running one of its test cases: a process reads its
// environment once, and keeps kernels, contexts and results in memory.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "api/api.h"

namespace swiglu_test {

using Environment = std::map<std::string, std::string>;

// Starts one test case of this program that is otherwise skipped; what it prints goes to `output`. A comma in its name
// would make two names of it.
inline pid_t start(const std::string& test, const Environment& environment, const std::filesystem::path& output) {
  std::vector<std::string> words = {std::filesystem::read_symlink("/proc/self/exe").string(), "--no-skip", "--no-intro",
                                    "-tc=" + test};
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (environment.count(text.substr(0, text.find('='))) == 0) {
      variables.push_back(text);
    }
  }
  for (const auto& [name, value] : environment) {
    variables.push_back(name + "=" + value);
  }
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) {
      all.push_back(text.data());
    }
    all.push_back(nullptr);
    return all;
  };
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = -1;
  REQUIRE(posix_spawn(&child, words[0].c_str(), &actions, nullptr, pointers(words).data(),
                      pointers(variables).data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

inline void await(pid_t child, const std::filesystem::path& output) {
  int status = 0;
  waitpid(child, &status, 0);
  std::ifstream file(output);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK_MESSAGE((WIFEXITED(status) && WEXITSTATUS(status) == 0), text);
  CHECK_MESSAGE(text.find(" 1 passed") != std::string::npos, text);  // a name that matches none would pass as well
}

struct Machine {
  ScratchDirectory scratch;
  Environment environment = {{"SWIGLU_TEST_CACHE", (scratch.path() / "cache").string()},
                             {"SWIGLU_TEST_FILE", (scratch.path() / "file").string()}};

  void run(const std::string& test) {
    const std::filesystem::path output = scratch.path() / "output";
    await(start(test, environment, output), output);
  }
};

}  // namespace swiglu_test
