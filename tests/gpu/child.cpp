#include "gpu/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "support/random.h"

namespace swiglu_test {
namespace {

std::vector<std::string> child_environment(const Environment& changes) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    bool is_changed = text.rfind("SWIGLU_TEST_SEED=", 0) == 0;
    for (const auto& [name, value] : changes) {
      is_changed = is_changed || (text.rfind(name, 0) == 0 && text.find('=') == name.size());
    }
    if (!is_changed) {
      variables.push_back(text);
    }
  }
  for (const auto& [name, value] : changes) {
    variables.push_back(name);
    variables.back().append("=").append(value);
  }
  variables.push_back(seed_text());
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    list.push_back(text.data());
  }
  list.push_back(nullptr);
  return list;
}

struct Pipe {
  int read = -1;
  int write = -1;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    throw std::runtime_error(std::string("pipe2: ") + std::strerror(errno));
  }
  return {ends[0], ends[1]};
}

// The command line: the prefix, this program, its arguments.
std::vector<std::string> command_line(const std::string& prefix, const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  std::istringstream of_prefix(prefix);
  for (std::string word; of_prefix >> word;) {
    words.push_back(word);
  }
  words.push_back(std::filesystem::read_symlink("/proc/self/exe").string());
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

// stdin is inherited; `output` takes stdout and stderr.
pid_t spawn(std::vector<std::string> words, const Environment& environment, int output) {
  std::vector<std::string> variables = child_environment(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t child = -1;
  const int error = posix_spawnp(&child, words.front().c_str(), &actions, nullptr, pointers(words).data(),
                                 pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::runtime_error("cannot run " + words.front() + ": " + std::strerror(error));
  }
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// By doctest's summary: "[doctest] test cases:  1 | 1 passed ...". A filter that matches nothing passes.
bool ran_a_case(const std::string& output) {
  const std::string summary = "[doctest] test cases:";
  const std::size_t at = output.find(summary);
  const std::size_t number = at == std::string::npos ? at : output.find_first_not_of(' ', at + summary.size());
  return number != std::string::npos && output[number] >= '1' && output[number] <= '9';
}

// Up to 64 KiB more; false at the end.
bool read_more(int descriptor, std::string& text) {
  char buffer[65536];
  ssize_t count = 0;
  do {
    count = read(descriptor, buffer, sizeof buffer);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return count > 0;
}

}  // namespace

ChildResult run_child(const std::vector<std::string>& arguments, const Environment& environment,
                      const std::string& prefix) {
  const Pipe pipe = make_pipe();
  const pid_t child = spawn(command_line(prefix, arguments), environment, pipe.write);
  close(pipe.write);
  ChildResult result;
  while (read_more(pipe.read, result.output)) {
  }
  close(pipe.read);
  result.exit_code = wait_for(child);
  return result;
}

ChildResult run_test_case(const std::string& name, const Environment& environment) {
  ChildResult result = run_child({"--test-case=" + name, "--no-skip", "--no-intro"}, environment,
                                 from_environment("SWIGLU_TEST_CHILD_PREFIX"));
  if (result.exit_code == 0 && !ran_a_case(result.output)) {
    result.exit_code = -1;
    result.output += "no test case is called \"" + name + "\": nothing was tested\n";
  }
  return result;
}

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace swiglu_test
