// This program again, in a process of its own with another environment.
#pragma once

#include <string>
#include <vector>

namespace swiglu::tool {

// Runs it to its end, without its stdout, with one variable set (unset where `value` is ""). The exit code; -1 if a
// signal ended it.
int run_again(std::vector<std::string> arguments, const std::string& variable, const std::string& value);

// Likewise with the environment as it is, for what it says on stdout; "" where it failed, and nothing of why.
std::string output_of(std::vector<std::string> arguments);

// A file of its own for a report, removed at the end.
class TemporaryFile {
 public:
  TemporaryFile();
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace swiglu::tool
