// The store as its users see it: hits, misses, healing, search order, trust, eviction, and that no state of a disk is
// an error. tests/unit/store/faults_test.cpp injects failing system calls; tests/store_stress has many processes.
#include "store/kernel_store.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

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
using swiglu::test::same;
using swiglu::test::ScratchDirectory;
using swiglu::test::status_of;
using swiglu::test::write_file;
namespace fs = std::filesystem;

constexpr std::int64_t kHour = 3'600'000'000'000;

TEST_CASE("put, find, remove") {
  ScratchDirectory scratch;
  const LogCapture log;
  KernelStore store(in(scratch.path() / "cache"));
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK_FALSE(fs::exists(scratch.path() / "cache"));  // looking creates nothing
  CHECK(store.put(made_up_entry(1, 50'000)));
  const auto found = store.find(made_up_key(1));
  REQUIRE(found.has_value());
  CHECK(same(found->entry, made_up_entry(1, 50'000)));
  CHECK(found->origin == KernelStore::Origin::user);
  CHECK_FALSE(store.find(made_up_key(2)).has_value());
  CHECK_FALSE(store.find("").has_value());
  CHECK(store.put(made_up_entry(1, 60)));  // replaces
  CHECK(store.find(made_up_key(1))->entry.cubin.size() == 60);
  store.remove(made_up_key(1));
  store.remove(made_up_key(1));
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK(log.count() == 0);
}

TEST_CASE("layout and permissions on disk; existing directories are left as they are") {
  ScratchDirectory scratch;
  const fs::path root = scratch.path() / "deep" / "cache";
  KernelStore store(in(root));
  REQUIRE(store.put(made_up_entry(1)));
  CHECK(status_of(path_of(root, 1)).permissions == 0600);
  for (const fs::path& directory : {root, root / "v1", root / "v1" / "tmp", path_of(root, 1).parent_path()}) {
    CHECK(status_of(directory).permissions == 0700);
  }
  CHECK(fs::is_empty(root / "v1" / "tmp"));
  fs::permissions(root, fs::perms(0750));
  REQUIRE(store.put(made_up_entry(2)));
  CHECK(status_of(root).permissions == 0750);
}

TEST_CASE("an entry published by another store is found: misses are not remembered") {
  ScratchDirectory scratch;
  KernelStore reader(in(scratch.path()));
  KernelStore writer(in(scratch.path()));
  CHECK_FALSE(reader.find(made_up_key(1)).has_value());
  REQUIRE(writer.put(made_up_entry(1)));
  CHECK(reader.find(made_up_key(1)).has_value());
}

TEST_CASE("a failed or foreign compile is never published") {
  ScratchDirectory scratch;
  const LogCapture log;
  KernelStore store(in(scratch.path() / "cache"));
  KernelEntry entry = made_up_entry(1);
  entry.cubin.clear();
  CHECK_FALSE(store.put(entry));
  entry.cubin.assign(100, std::byte{'x'});
  CHECK_FALSE(store.put(entry));
  CHECK_FALSE(fs::exists(scratch.path() / "cache"));
  CHECK(log.count() == 1);
}

TEST_CASE("any damage on disk is a miss, one warning for all of it, and heals") {
  ScratchDirectory scratch;
  KernelStore writer(in(scratch.path()));
  const fs::path path = path_of(scratch.path(), 1);
  REQUIRE(writer.put(made_up_entry(1, 8)));
  const std::vector<std::byte> sound = read_bytes(path);
  const LogCapture log;
  FaultyFiles files;  // no fault: only quick, as it does not sync
  KernelStore store(in(scratch.path()), files);
  const auto is_healed = [&] {
    const bool missed = !store.find(made_up_key(1)).has_value();
    const bool removed = !fs::exists(path);
    return missed && removed && store.put(made_up_entry(1, 8)) && store.find(made_up_key(1)).has_value();
  };
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::vector<std::byte> flipped = sound;
    flipped[i] ^= std::byte{0x20};
    write_file(path, flipped);
    CHECK_MESSAGE(is_healed(), "flipped byte ", i);
  }
  for (std::size_t length = 0; length < sound.size(); length += 7) {
    write_file(path, std::vector(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(length)));
    CHECK_MESSAGE(is_healed(), "truncated to ", length);
  }
  write_file(path, encode_entry(made_up_entry(2, 8)));  // sound, but of another key: the whole key text is compared
  CHECK(is_healed());
  CHECK(log.count() == 1);
  CHECK(log.last().find(path.string()) != std::string::npos);
}

TEST_CASE("links, directories and FIFOs in the place of an entry") {
  ScratchDirectory scratch;
  const LogCapture log;
  KernelStore store(in(scratch.path() / "cache"));
  const fs::path path = path_of(scratch.path() / "cache", 1);
  REQUIRE(store.put(made_up_entry(1)));
  const fs::path elsewhere = scratch.path() / "elsewhere";
  fs::rename(path, elsewhere);
  fs::create_symlink(elsewhere, path);
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK_FALSE(fs::is_symlink(path));  // the link went, its target stayed
  CHECK(fs::exists(elsewhere));
  fs::create_symlink(elsewhere, path);
  CHECK(store.put(made_up_entry(1)));  // replaces the link, does not write through it
  CHECK_FALSE(fs::is_symlink(path));
  fs::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK_FALSE(fs::exists(path));
  fs::create_directory(path);
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK_FALSE(store.put(made_up_entry(1)));
  CHECK(log.count() == 2);  // the entry, and the failed write
}

TEST_CASE("an entry of absurd size is refused before anything is allocated") {
  ScratchDirectory scratch;
  const LogCapture log;
  KernelStore store(in(scratch.path()));
  REQUIRE(store.put(made_up_entry(1)));
  const fs::path path = path_of(scratch.path(), 1);
  fs::resize_file(path, std::uint64_t{1} << 40);  // sparse
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK_FALSE(fs::exists(path));
  CHECK(log.count() == 1);
}

TEST_CASE("foreign or writable-by-others entries: a miss, removed; accepted if sharing is trusted") {
  ScratchDirectory scratch;
  const fs::path path = path_of(scratch.path(), 1);
  FaultyFiles files;
  const std::uint32_t another = files.effective_user() + 1;
  KernelStore::Options options = in(scratch.path());
  {
    const LogCapture log;
    KernelStore store(options, files);
    REQUIRE(store.put(made_up_entry(1)));
    files.file_owner = another;
    CHECK_FALSE(store.find(made_up_key(1)).has_value());
    CHECK_FALSE(fs::exists(path));
    CHECK(log.count() == 1);
    files.file_owner.reset();
    CHECK(store.put(made_up_entry(1)));
    CHECK(store.find(made_up_key(1)).has_value());
  }
  for (const unsigned mode : {0620U, 0602U, 0666U}) {
    const LogCapture log;
    KernelStore store(options, files);
    REQUIRE(store.put(made_up_entry(1)));
    fs::permissions(path, fs::perms(mode));
    CHECK_FALSE(store.find(made_up_key(1)).has_value());
    CHECK_FALSE(fs::exists(path));
    CHECK(log.count() == 1);
  }
  const LogCapture log;
  options.trust_shared = true;
  KernelStore trusting(options, files);
  REQUIRE(trusting.put(made_up_entry(1)));
  fs::permissions(path, fs::perms(0666));
  files.file_owner = another;
  CHECK(trusting.find(made_up_key(1)).has_value());
  CHECK(log.count() == 0);
}

TEST_CASE("directories of others or writable by all are refused, with one warning; sticky ones are not") {
  for (const char* below : {"", "v1", "v1/kernels"}) {
    ScratchDirectory scratch;
    KernelStore writer(in(scratch.path()));
    REQUIRE(writer.put(made_up_entry(1)));
    const LogCapture log;
    KernelStore store(in(scratch.path()));
    fs::permissions(scratch.path() / below, fs::perms(0777));
    CHECK_FALSE(store.find(made_up_key(1)).has_value());
    CHECK_FALSE(store.put(made_up_entry(2)));
    CHECK(store.why_not_writable().find("every user may write") != std::string::npos);
    CHECK(store.list(false).empty());
    CHECK(store.list(true).size() == 1);
    CHECK_FALSE(store.list(true)[0].problem.empty());
    CHECK(store.prune(0).removed_bytes == 0);
    CHECK(log.count() == 1);
    fs::permissions(scratch.path() / below, fs::perms(01777));
    CHECK(store.find(made_up_key(1)).has_value());
    fs::permissions(scratch.path() / below, fs::perms(0777));
    KernelStore::Options options = in(scratch.path());
    options.trust_shared = true;
    CHECK(KernelStore(options).find(made_up_key(1)).has_value());
  }
  ScratchDirectory scratch;
  KernelStore writer(in(scratch.path()));
  REQUIRE(writer.put(made_up_entry(1)));
  for (const bool trust : {false, true}) {
    const LogCapture log;
    FaultyFiles files;
    files.directory_owner = files.effective_user() + 1;
    KernelStore::Options options = in(scratch.path());
    options.trust_shared = trust;
    KernelStore store(options, files);
    CHECK(store.find(made_up_key(1)).has_value() == trust);
    CHECK(store.put(made_up_entry(2)) == trust);
    CHECK(log.count() == (trust ? 0 : 1));
    files.directory_owner = 0;  // root's directories are trusted by everyone
    CHECK(KernelStore(in(scratch.path()), files).find(made_up_key(1)).has_value());
  }
}

TEST_CASE("search order: the user's, then the read-only ones as given; hits are neither copied nor touched") {
  ScratchDirectory scratch;
  const fs::path user = scratch.path() / "user";
  const fs::path first = scratch.path() / "first";
  const fs::path second = scratch.path() / "second";
  KernelStore(in(first)).put(made_up_entry(1, 101));
  KernelStore(in(second)).put(made_up_entry(1, 102));
  KernelStore(in(second)).put(made_up_entry(2, 202));
  KernelStore::Options options = in(user);
  options.read_only_directories = {scratch.path() / "missing", first, second};
  FaultyFiles files;
  files.now = system_files().now_nanoseconds() + 100 * kHour;  // an entry of one's own would be touched
  KernelStore store(options, files);
  const FileStatus before = status_of(path_of(first, 1));
  auto found = store.find(made_up_key(1));
  REQUIRE(found.has_value());
  CHECK(found->entry.cubin.size() == 101);
  CHECK(found->origin == KernelStore::Origin::shared);
  CHECK(store.find(made_up_key(2))->entry.cubin.size() == 202);
  CHECK_FALSE(fs::exists(user));
  CHECK(status_of(path_of(first, 1)).accessed_nanoseconds == before.accessed_nanoseconds);
  CHECK(files.made.count("touch") == 0);
  REQUIRE(store.put(made_up_entry(1, 100)));
  CHECK(store.find(made_up_key(1))->entry.cubin.size() == 100);
  CHECK(store.find(made_up_key(1))->origin == KernelStore::Origin::user);
}

TEST_CASE("a read-only directory is never written: damaged entries stay, the next directory answers") {
  ScratchDirectory scratch;
  const fs::path shared = scratch.path() / "shared";
  const fs::path other = scratch.path() / "other";
  KernelStore(in(shared)).put(made_up_entry(1));
  KernelStore(in(other)).put(made_up_entry(1));
  write_file(path_of(shared, 1), std::vector<std::byte>(100));
  KernelStore::Options options;
  options.read_only_directories = {shared, other};
  const LogCapture log;
  KernelStore store(options);
  CHECK(store.find(made_up_key(1)).has_value());
  CHECK(log.count() == 1);
  store.remove(made_up_key(1));
  CHECK_FALSE(store.put(made_up_entry(3)));
  CHECK(store.prune(0).removed_bytes == 0);
  CHECK(fs::file_size(path_of(shared, 1)) == 100);
  CHECK(fs::exists(path_of(other, 1)));
  CHECK(log.count() == 1);
}

TEST_CASE("no directory at all: everything is a miss, and put tells why once") {
  KernelStore::Options options;
  const LogCapture log;
  KernelStore silent(options);
  CHECK_FALSE(silent.put(made_up_entry(1)));
  CHECK_FALSE(silent.find(made_up_key(1)).has_value());
  silent.remove(made_up_key(1));
  CHECK(silent.list(true).empty());
  CHECK(silent.prune(0).remaining_bytes == 0);
  CHECK(log.count() == 0);
  options.why_no_user_directory = "no HOME";
  KernelStore telling(options);
  CHECK_FALSE(telling.put(made_up_entry(1)));
  CHECK_FALSE(telling.put(made_up_entry(2)));
  CHECK(log.count() == 1);
  CHECK(log.last() == "no HOME");
}

TEST_CASE("files in the place of directories: memory only, one warning") {
  for (const char* file : {"cache", "cache/v1", "cache/v1/tmp", "cache/v1/kernels"}) {
    CAPTURE(file);
    ScratchDirectory scratch;
    fs::create_directories((scratch.path() / file).parent_path());
    write_file(scratch.path() / file, {});
    const LogCapture log;
    KernelStore store(in(scratch.path() / "cache"));
    CHECK_FALSE(store.why_not_writable().empty());
    CHECK_FALSE(store.find(made_up_key(1)).has_value());
    CHECK_FALSE(store.put(made_up_entry(1)));
    CHECK_FALSE(store.put(made_up_entry(1)));
    CHECK_FALSE(store.find(made_up_key(1)).has_value());
    CHECK(store.list(false).empty());
    store.prune(0);
    CHECK(log.count() == 1);
  }
  ScratchDirectory scratch;
  write_file(scratch.path() / "file", {});
  const LogCapture log;
  KernelStore store(in(scratch.path() / "file" / "cache"));
  CHECK(store.why_not_writable().find("Not a directory") != std::string::npos);
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK_FALSE(store.put(made_up_entry(1)));
  CHECK(log.count() == 1);
}

TEST_CASE("asking whether it can be written to creates nothing") {
  ScratchDirectory scratch;
  KernelStore store(in(scratch.path() / "not" / "yet"));
  CHECK(store.why_not_writable().empty());
  CHECK(fs::is_empty(scratch.path()));
  REQUIRE(store.put(made_up_entry(1)));
  CHECK(store.why_not_writable().empty());
  FaultyFiles files;
  files.fail_only = "access";
  files.error = EACCES;
  const std::string why_not = KernelStore(in(scratch.path() / "other"), files).why_not_writable();
  CHECK(why_not.find("Permission denied") != std::string::npos);
  CHECK(KernelStore(KernelStore::Options{}).why_not_writable().empty());
}

TEST_CASE("options from settings") {
  Settings settings{};
  settings.cache_directory = "/c";
  settings.cache_max_bytes = 7;
  CHECK(kernel_store_options(settings).user_directory == "/c");
  CHECK(kernel_store_options(settings).max_bytes == 7);
  settings.cache_directory.reset();
  settings.cache_directory_reason = "no HOME";
  CHECK(kernel_store_options(settings).why_no_user_directory == "no HOME");
  settings.disable_cache = true;
  CHECK(kernel_store_options(settings).why_no_user_directory.empty());
}

}  // namespace
