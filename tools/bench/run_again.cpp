// posix_spawn with words: see run_again.h.
#include "tools/bench/run_again.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "tools/library.h"

namespace swiglu::tool {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    list.push_back(text.data());
  }
  list.push_back(nullptr);
  return list;
}

// `quiet`: stderr goes nowhere.
int run(std::vector<std::string> arguments, std::vector<std::string> environment, const std::string& output,
        bool quiet) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  arguments.insert(arguments.begin(), program);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(), O_WRONLY, 0);
  if (quiet) {
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  pid_t child = -1;
  const int error =
      posix_spawn(&child, program.c_str(), &actions, nullptr, pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw Failure("could not run " + program + " again: " + std::strerror(error));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// This process's, without what begins with `prefix`.
std::vector<std::string> environment_without(const std::string& prefix) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (prefix.empty() || std::string(*entry).rfind(prefix, 0) != 0) {
      environment.emplace_back(*entry);
    }
  }
  return environment;
}

}  // namespace

int run_again(std::vector<std::string> arguments, const std::string& variable, const std::string& value) {
  const std::string prefix = variable + "=";
  std::vector<std::string> environment = environment_without(prefix);
  if (!value.empty()) {
    environment.push_back(prefix + value);
  }
  return run(std::move(arguments), std::move(environment), "/dev/null", false);
}

std::string output_of(std::vector<std::string> arguments) {
  const TemporaryFile said;
  if (run(std::move(arguments), environment_without(""), said.path(), true) != 0) {
    return "";
  }
  std::ifstream file(said.path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TemporaryFile::TemporaryFile() : path_((std::filesystem::temp_directory_path() / "swiglu_bench_XXXXXX").string()) {
  const int descriptor = mkstemp(path_.data());
  if (descriptor < 0) {
    throw Failure("could not make a file like " + path_ + ": " + std::strerror(errno));
  }
  close(descriptor);
}

TemporaryFile::~TemporaryFile() { std::remove(path_.c_str()); }

}  // namespace swiglu::tool
