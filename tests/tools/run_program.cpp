// Running the program through the shell: see run_program.h.
#include "tools/run_program.h"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/scratch_directory.h"

namespace swiglu::tool {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

Ran run_program(const std::string& arguments, const std::string& environment) {
  const test::ScratchDirectory scratch;
  const auto path = [&](const char* name) { return (scratch.path() / name).string(); };
  const std::string command = "</dev/null env SWIGLU_CACHE_DIR=" + path("cache") + " " + environment +
                              " '" SWIGLU_PROGRAM "' " + arguments + " >" + path("out") + " 2>" + path("err");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(path("out")), read(path("err"))};
}

}  // namespace swiglu::tool
