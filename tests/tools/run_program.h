// Runs the program `swiglu` with a kernel store of its own, and keeps what it said. Thread-safe.
#pragma once

#include <string>

namespace swiglu::tool {

struct Ran {
  int exit_code;
  std::string out;
  std::string err;
};

// `arguments` as a shell would take them, a "<file" among them. `environment`: further "NAME=value" words for env, and
// what else it may be given before a program ("timeout 5").
Ran run_program(const std::string& arguments, const std::string& environment = "");

}  // namespace swiglu::tool
