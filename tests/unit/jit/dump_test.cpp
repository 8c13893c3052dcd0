// SWIGLU_DUMP_DIR: three files a compile, named by the source's digest; an unwritable place harms nothing.
#include <doctest/doctest.h>

#include "jit/dump.h"

#include <fstream>
#include <iterator>
#include <string>

#include "base/digest.h"
#include "support/scratch_directory.h"

namespace swiglu {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("source, log and cubin are written beside each other") {
  const test::ScratchDirectory scratch;
  const std::filesystem::path directory = scratch.path() / "made" / "here";
  CompileResult result;
  result.log = "the log";
  result.cubin = {std::byte{1}, std::byte{0}, std::byte{2}};
  dump_compile(directory, {"the source", "sm_80"}, result);
  const std::string stem = (directory / (hex(digest(std::string_view("the source"))) + "_sm_80")).string();
  CHECK(read(stem + ".cu") == "the source");
  CHECK(read(stem + ".log") == "the log");
  CHECK(read(stem + ".cubin") == std::string("\1\0\2", 3));
}

TEST_CASE("a failed compile leaves source and log alone") {
  const test::ScratchDirectory scratch;
  dump_compile(scratch.path(), {"bad", "sm_80"}, {});
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
    ++files;
    CHECK(entry.path().extension() != ".cubin");
  }
  CHECK(files == 2);
}

TEST_CASE("a place that cannot be written to is a warning") {
  CHECK_NOTHROW(dump_compile("/proc/nowhere", {"source", "sm_80"}, {}));
}

}  // namespace
}  // namespace swiglu
