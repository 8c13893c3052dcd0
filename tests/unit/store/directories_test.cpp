// Where stores look, in which order, and what they tell of it.
#include "store/directories.h"

#include <doctest/doctest.h>

#include "support/log_capture.h"
#include "support/scratch_directory.h"

namespace swiglu {
namespace {

using test::LogCapture;
using test::ScratchDirectory;
namespace fs = std::filesystem;

TEST_CASE("a search path from settings") {
  Settings settings{};
  settings.cache_directory = "/c";
  settings.cache_path = {"/one", "/two"};
  settings.trust_shared_cache = true;
  const SearchPath path = search_path(settings);
  CHECK(path.user_directory == "/c");
  REQUIRE(path.read_only_directories.size() >= 2);  // and the installed one, if there is any
  CHECK(path.read_only_directories[1] == "/two");
  CHECK(path.trust_shared);
  settings.disable_cache = true;
  CHECK_FALSE(search_path(settings).user_directory.has_value());
  CHECK(search_path(settings).read_only_directories.empty());
}

TEST_CASE("the user's directory comes first, and there need not be one") {
  StoreDirectories all("kernel store", "kernels", {"/c", {"/one", "/two"}}, system_files());
  std::vector<std::string> roots;
  for (const EntryDirectory& directory : all) {
    roots.push_back(directory.root().string());
    CHECK(directory.writable() == (roots.size() == 1));
  }
  CHECK(roots == std::vector<std::string>{"/c", "/one", "/two"});
  CHECK(all.user() == &*all.begin());
  CHECK(StoreDirectories("kernel store", "kernels", {std::nullopt, {"/one"}}, system_files()).user() == nullptr);
  CHECK(StoreDirectories("kernel store", "kernels", {}, system_files()).user() == nullptr);
}

TEST_CASE("a warning comes once for each cause and place") {
  StoreDirectories all("kernel store", "kernels", {}, system_files());
  const LogCapture log;
  all.warn_once("cause", "/one", "first");
  all.warn_once("cause", "/one", "again");
  CHECK(log.lines() == std::vector<std::string>{"first"});
  all.warn_once("cause", "/two", "another place");
  all.warn_once("another cause", "/one", "another cause");
  CHECK(log.count() == 3);
}

TEST_CASE("a directory is refused for the part that its store keeps there alone") {
  ScratchDirectory scratch;
  fs::create_directories(scratch.path() / "v1" / "kernels");
  for (const fs::path& path : {scratch.path(), scratch.path() / "v1", scratch.path() / "v1" / "kernels"}) {
    fs::permissions(path, fs::perms::owner_all);
  }
  fs::permissions(scratch.path() / "v1" / "kernels", fs::perms::others_write, fs::perm_options::add);
  const LogCapture log;
  StoreDirectories kernels("kernel store", "kernels", {scratch.path(), {}}, system_files());
  StoreDirectories tuned("tuning store", "tuned", {scratch.path(), {}}, system_files());
  CHECK(tuned.is_usable(*tuned.user()));
  CHECK(log.count() == 0);
  CHECK_FALSE(kernels.is_usable(*kernels.user()));
  CHECK_FALSE(kernels.is_usable(*kernels.user()));
  REQUIRE(log.count() == 1);
  CHECK(log.last().starts_with("the kernel store " + scratch.path().string() + " is not used: "));
}

}  // namespace
}  // namespace swiglu
