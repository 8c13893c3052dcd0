// Keeping house: eviction, access times, the sweep of leftovers, listing and verifying.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "store/kernel_store.h"
#include "support/faulty_files.h"
#include "support/kernel_entries.h"
#include "support/log_capture.h"
#include "support/scratch_directory.h"
#include "support/store_files.h"

namespace {

using namespace swiglu;
using swiglu::test::FaultyFiles;
using swiglu::test::in;
using swiglu::test::LogCapture;
using swiglu::test::made_up_entry;
using swiglu::test::made_up_key;
using swiglu::test::path_of;
using swiglu::test::read_bytes;
using swiglu::test::ScratchDirectory;
using swiglu::test::write_file;
namespace fs = std::filesystem;

constexpr std::int64_t kHour = 3'600'000'000'000;

TEST_CASE("eviction: least recently used first, down to the cap, never what was just put") {
  ScratchDirectory scratch;
  FaultyFiles files;
  const std::int64_t start = system_files().now_nanoseconds();
  KernelStore::Options options = in(scratch.path());
  const std::uint64_t one = encode_entry(made_up_entry(1, 10'000)).size();
  options.max_bytes = 3 * one + 100;
  KernelStore store(options, files);
  for (int number = 1; number <= 3; ++number) {
    REQUIRE(store.put(made_up_entry(number, 10'000)));
  }
  // Uses at 2 h, 3 h and 4 h from now: 2, then 3, then 1.
  int hours = 2;
  for (const int number : {2, 3, 1}) {
    files.now = start + hours++ * kHour;
    REQUIRE(store.find(made_up_key(number)).has_value());
  }
  files.now = start + 10 * kHour;
  REQUIRE(store.put(made_up_entry(4, 10'000)));  // written now, before all those uses
  CHECK_FALSE(fs::exists(path_of(scratch.path(), 2)));
  CHECK(fs::exists(path_of(scratch.path(), 3)));
  CHECK(fs::exists(path_of(scratch.path(), 1)));
  CHECK(fs::exists(path_of(scratch.path(), 4)));
  const KernelStore::Pruned pruned = store.prune(2 * one + 100);
  CHECK(pruned.removed_bytes == one);
  CHECK(pruned.remaining_bytes == 2 * one);
  CHECK_FALSE(fs::exists(path_of(scratch.path(), 4)));  // by now the least recently used
  CHECK(store.prune(0).remaining_bytes == 0);
  CHECK(store.list(false).empty());
}

TEST_CASE("a store with room to spare is not walked after each publish, and holds to its cap all the same") {
  ScratchDirectory scratch;
  FaultyFiles files;
  KernelStore::Options options = in(scratch.path());
  const std::uint64_t one = encode_entry(made_up_entry(100, 1000)).size();
  options.max_bytes = 400 * one;
  KernelStore store(options, files);
  const auto put = [&](int first, int end) {
    for (int number = first; number < end; ++number) {
      REQUIRE(store.put(made_up_entry(number, 1000)));
    }
  };
  put(100, 101);
  const std::size_t walks = files.made.count("list");
  put(101, 180);
  CHECK(files.made.count("list") == walks);
  put(180, 900);
  CHECK(files.made.count("list") > walks);
  CHECK(store.list(false).size() <= 400);
  CHECK(store.list(false).size() > 300);
}

TEST_CASE("an entry larger than the cap is not stored, and evicts nothing") {
  ScratchDirectory scratch;
  const LogCapture log;
  KernelStore::Options options = in(scratch.path());
  options.max_bytes = 1000;
  KernelStore store(options);
  REQUIRE(store.put(made_up_entry(1, 64)));
  CHECK_FALSE(store.put(made_up_entry(2, 2000)));
  CHECK_FALSE(store.put(made_up_entry(3, 2000)));
  CHECK(store.find(made_up_key(1)).has_value());
  CHECK(log.count() == 1);
}

TEST_CASE("uses are noted at most once an hour") {
  ScratchDirectory scratch;
  FaultyFiles files;
  const std::int64_t start = system_files().now_nanoseconds();
  KernelStore store(in(scratch.path()), files);
  REQUIRE(store.put(made_up_entry(1)));
  for (int minute = 0; minute < 300; minute += 5) {
    files.now = start + minute * (kHour / 60);
    REQUIRE(store.find(made_up_key(1)).has_value());
  }
  CHECK(files.made.count("touch") >= 3);
  CHECK(files.made.count("touch") <= 5);
  const auto listed = store.list(false);
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].used_unix_seconds * 1'000'000'000 > start + 3 * kHour);
}

TEST_CASE("temporary files of killed writers are removed after an hour, younger ones and others are not") {
  ScratchDirectory scratch;
  KernelStore(in(scratch.path())).put(made_up_entry(1));
  const fs::path temporary = scratch.path() / "v1" / "tmp";
  write_file(temporary / "1.0.0.tmp", std::vector<std::byte>(10));
  fs::create_directory(temporary / "directory");
  FaultyFiles files;
  KernelStore young(in(scratch.path()), files);
  REQUIRE(young.put(made_up_entry(2)));
  CHECK(fs::exists(temporary / "1.0.0.tmp"));
  files.now = system_files().now_nanoseconds() + 2 * kHour;
  KernelStore old_store(in(scratch.path()), files);
  REQUIRE(old_store.put(made_up_entry(3)));
  CHECK_FALSE(fs::exists(temporary / "1.0.0.tmp"));
  CHECK(fs::exists(temporary / "directory"));
  write_file(temporary / "2.0.0.tmp", std::vector<std::byte>(10));
  old_store.prune(std::uint64_t{1} << 30);
  CHECK_FALSE(fs::exists(temporary / "2.0.0.tmp"));
}

TEST_CASE("list and verify") {
  ScratchDirectory scratch;
  const fs::path user = scratch.path() / "user";
  const fs::path shared = scratch.path() / "shared";
  KernelStore(in(shared)).put(made_up_entry(3, 300));
  KernelStore::Options options = in(user);
  options.read_only_directories = {shared};
  KernelStore store(options);
  store.put(made_up_entry(1, 100));
  store.put(made_up_entry(2, 200));
  write_file(path_of(user, 2).parent_path() / "README", {});  // not an entry's name
  auto listed = store.list(false);
  REQUIRE(listed.size() == 3);
  CHECK(listed[2].path == path_of(shared, 3));
  CHECK_FALSE(listed[2].writable);
  CHECK(listed[2].config == made_up_entry(3).config);
  CHECK(listed[2].arch == "sm_90a");
  CHECK(listed[2].bytes == encode_entry(made_up_entry(3, 300)).size());
  for (const auto& entry : store.list(true)) {
    CHECK(entry.problem.empty());
  }
  // Damage in the cubin: only verification reads that far.
  std::vector<std::byte> bytes = read_bytes(path_of(user, 1));
  bytes[bytes.size() - 20] ^= std::byte{1};
  write_file(path_of(user, 1), bytes);
  fs::rename(path_of(user, 2), path_of(user, 2).parent_path() / (std::string(32, '0') + ".swk"));
  for (const auto& entry : store.list(false)) {
    CHECK(entry.problem.empty());
  }
  int problems = 0;
  for (const auto& entry : store.list(true)) {
    problems += entry.problem.empty() ? 0 : 1;
  }
  CHECK(problems == 2);
  CHECK(fs::exists(path_of(user, 1)));  // verifying removes nothing
}

}  // namespace
