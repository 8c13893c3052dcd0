// The embedded templates are the files of kernel_templates/, and their digest sees every byte.
#include <doctest/doctest.h>

#include "jit/templates.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "support/scratch_directory.h"

namespace swiglu {
namespace {

const std::filesystem::path kRoot = std::filesystem::path(__FILE__).parent_path() / "../../../kernel_templates";

TEST_CASE("embedded templates equal the files, in order of names") {
  const auto& embedded = templates();
  const auto on_disk = read_templates(kRoot);
  REQUIRE(embedded.size() == on_disk.size());
  for (std::size_t i = 0; i < embedded.size(); ++i) {
    CHECK(embedded[i].name == on_disk[i].name);
    CHECK_MESSAGE(embedded[i].text == on_disk[i].text, embedded[i].name);
  }
  CHECK(std::is_sorted(embedded.begin(), embedded.end(), [](auto& a, auto& b) { return a.name < b.name; }));
  CHECK(std::any_of(embedded.begin(), embedded.end(), [](auto& one) { return one.name == "swiglu/config.h"; }));
  CHECK(templates_digest() == digest_of(on_disk));
}

TEST_CASE("the digest changes with any name and any byte") {
  const std::vector<Template> base = {{"swiglu/a.h", "text"}, {"swiglu/b.h", ""}};
  const Digest digest = digest_of(base);
  CHECK(digest_of({{"swiglu/a.h", "texT"}, {"swiglu/b.h", ""}}) != digest);
  CHECK(digest_of({{"swiglu/A.h", "text"}, {"swiglu/b.h", ""}}) != digest);
  CHECK(digest_of({{"swiglu/a.h", "tex"}, {"swiglu/b.h", "t"}}) != digest);
  CHECK(digest_of({{"swiglu/a.h", "text"}}) != digest);
  CHECK(digest_of(base) == digest);
}

TEST_CASE("read_templates takes headers alone, and refuses a folder without any") {
  const test::ScratchDirectory scratch;
  CHECK_THROWS_AS(read_templates(scratch.path()), Error);
  CHECK_THROWS_AS(read_templates("/nowhere"), Error);
  std::filesystem::create_directories(scratch.path() / "swiglu");
  std::ofstream(scratch.path() / "swiglu" / "one.cuh") << "// one\n";
  std::ofstream(scratch.path() / "swiglu" / "one.cuh~") << "// backup\n";
  std::ofstream(scratch.path() / "top.h") << "// not in a folder\n";
  const auto found = read_templates(scratch.path());
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "swiglu/one.cuh");
  CHECK(found[0].text == "// one\n");
}

}  // namespace
}  // namespace swiglu
