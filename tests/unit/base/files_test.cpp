// Publishing and reading files: with every fault at every step, afterwards the target is whole and nothing is left
// over.
#include "base/files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/faulty_files.h"
#include "support/scratch_directory.h"

namespace {

using namespace swiglu;
using swiglu::test::FaultyFiles;
using swiglu::test::ScratchDirectory;
namespace fs = std::filesystem;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

std::string accept_all(const FileStatus&) { return ""; }

std::string content(const fs::path& path) {
  const ReadResult read = read_file(system_files(), path, ~std::uint64_t{0}, accept_all);
  return read.error != 0 ? "error " + std::to_string(read.error)
                         : std::string(reinterpret_cast<const char*>(read.bytes.data()), read.bytes.size());
}

struct Place {
  ScratchDirectory scratch;
  fs::path temporary = scratch.path() / "tmp";
  fs::path target = scratch.path() / "target";
  Place() { fs::create_directory(temporary); }
  bool nothing_left() const { return fs::is_empty(temporary); }
};

TEST_CASE("publish makes and replaces a file, of the wanted mode") {
  Place place;
  CHECK(publish(system_files(), place.target, place.temporary, bytes_of("old"), 0600).error == 0);
  CHECK(content(place.target) == "old");
  CHECK(publish(system_files(), place.target, place.temporary, bytes_of("new and longer"), 0600).error == 0);
  CHECK(content(place.target) == "new and longer");
  CHECK((fs::status(place.target).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(place.nothing_left());
  CHECK(publish(system_files(), place.target, place.temporary, {}, 0600).error == 0);
  CHECK(content(place.target).empty());
}

TEST_CASE("short writes are continued") {
  Place place;
  FaultyFiles files;
  files.longest_write = 3;
  CHECK(publish(files, place.target, place.temporary, bytes_of("0123456789"), 0600).error == 0);
  CHECK(content(place.target) == "0123456789");
  CHECK(files.made.count("write") == 4);
  files.longest_write = 0;  // neither an error nor progress
  CHECK(publish(files, place.target, place.temporary, bytes_of("x"), 0600).error == EIO);
  CHECK(content(place.target) == "0123456789");
  CHECK(place.nothing_left());
}

TEST_CASE("any fault at any step leaves the old content and no temporary file") {
  for (const int error : {ENOSPC, EACCES, EXDEV, ESTALE, EIO, EDQUOT, EROFS, EMFILE}) {
    int steps = 0;
    for (int n = 1;; ++n) {
      Place place;
      REQUIRE(publish(system_files(), place.target, place.temporary, bytes_of("old"), 0600).error == 0);
      FaultyFiles files;
      files.fail_at = n;
      files.error = error;
      const PublishResult result = publish(files, place.target, place.temporary, bytes_of("new content"), 0600);
      CAPTURE(n);
      CAPTURE(std::string(std::strerror(error)));
      CAPTURE(files.failed_call);
      CHECK(files.open_descriptors == 0);
      if (files.failed_call.empty()) {  // the procedure is shorter than n
        CHECK(result.error == 0);
        CHECK(content(place.target) == "new content");
        break;
      }
      ++steps;
      CHECK(result.error == error);
      CHECK(std::string(result.step) == files.failed_call);
      CHECK(content(place.target) == "old");
      CHECK(place.nothing_left());
    }
    CHECK(steps == 5);  // create, write, sync, close, rename
  }
}

TEST_CASE("a file system without fsync is fine") {
  for (const int error : {EINVAL, ENOSYS, EOPNOTSUPP}) {
    Place place;
    FaultyFiles files;
    files.fail_only = "sync";
    files.error = error;
    CHECK(publish(files, place.target, place.temporary, bytes_of("new"), 0600).error == 0);
    CHECK(content(place.target) == "new");
  }
}

TEST_CASE("a temporary name that is taken is not touched; another is tried, but not for ever") {
  Place place;
  FaultyFiles files;
  files.fail_at = 1;
  files.error = EEXIST;
  CHECK(publish(files, place.target, place.temporary, bytes_of("x"), 0600).error == 0);
  FaultyFiles always;
  always.fail_only = "create";
  always.error = EEXIST;
  CHECK(publish(always, place.target, place.temporary, bytes_of("y"), 0600).error == EEXIST);
  CHECK(always.made.count("remove") == 0);
  CHECK(content(place.target) == "x");
}

TEST_CASE("publish where the temporary directory or the target's does not exist") {
  Place place;
  const PublishResult create = publish(system_files(), place.target, place.temporary / "no", bytes_of("x"), 0600);
  CHECK(create.error == ENOENT);
  CHECK(std::string(create.step) == "create");
  const PublishResult rename =
      publish(system_files(), place.scratch.path() / "no" / "file", place.temporary, bytes_of("x"), 0600);
  CHECK(rename.error == ENOENT);
  CHECK(std::string(rename.step) == "rename");
  CHECK(place.nothing_left());
  fs::create_directory(place.target);
  CHECK(publish(system_files(), place.target, place.temporary, bytes_of("x"), 0600).error == EISDIR);
  CHECK(place.nothing_left());
}

TEST_CASE("reading: limits, refusals, links, FIFOs and faults") {
  Place place;
  REQUIRE(publish(system_files(), place.target, place.temporary, bytes_of("0123456789"), 0600).error == 0);
  const ReadResult part = read_file(system_files(), place.target, 4, accept_all);
  CHECK(part.bytes == bytes_of("0123"));
  CHECK(part.status.size == 10);
  const ReadResult refused =
      read_file(system_files(), place.target, 100, [](const FileStatus&) { return std::string("no"); });
  CHECK(refused.refused == "no");
  CHECK(refused.error == 0);
  CHECK(refused.bytes.capacity() == 0);
  CHECK(read_file(system_files(), place.scratch.path() / "none", 100, accept_all).error == ENOENT);
  CHECK(read_file(system_files(), place.target / "below", 100, accept_all).error == ENOTDIR);

  fs::create_symlink(place.target, place.scratch.path() / "link");
  CHECK(read_file(system_files(), place.scratch.path() / "link", 100, accept_all).error == ELOOP);

  const fs::path fifo = place.scratch.path() / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const auto regular_only = [](const FileStatus& status) {
    return std::string(status.kind == FileStatus::Kind::regular ? "" : "no regular file");
  };
  CHECK(read_file(system_files(), fifo, 100, regular_only).refused == "no regular file");  // and does not hang

  for (int n = 1; n <= 3; ++n) {  // open, fstat, read
    FaultyFiles files;
    files.fail_at = n;
    files.error = ESTALE;
    const ReadResult result = read_file(files, place.target, 100, accept_all);
    CHECK(result.error == ESTALE);
    CHECK(result.bytes.empty());
    CHECK(files.open_descriptors == 0);
  }
}

TEST_CASE("the access time is set when it is old or in the future, and only then") {
  Place place;
  REQUIRE(publish(system_files(), place.target, place.temporary, bytes_of("x"), 0600).error == 0);
  FileStatus before;
  REQUIRE(system_files().status(place.target, before) == 0);
  constexpr std::int64_t kHour = 3'600'000'000'000;
  const auto accessed_after_reading_at = [&](std::int64_t now) {
    FaultyFiles files;
    files.now = now;
    CHECK(read_file(files, place.target, 100, accept_all, kHour).error == 0);
    FileStatus after;
    REQUIRE(system_files().status(place.target, after) == 0);
    CHECK(after.modified_nanoseconds == before.modified_nanoseconds);
    return after.accessed_nanoseconds;
  };
  CHECK(accessed_after_reading_at(before.accessed_nanoseconds + kHour / 2) == before.accessed_nanoseconds);
  const std::int64_t later = before.accessed_nanoseconds + 2 * kHour;
  CHECK(accessed_after_reading_at(later) == later);
  CHECK(accessed_after_reading_at(before.accessed_nanoseconds) == before.accessed_nanoseconds);  // was in the future
  FaultyFiles refusing;
  refusing.now = later + 5 * kHour;
  refusing.fail_only = "touch";
  refusing.error = EPERM;
  CHECK(read_file(refusing, place.target, 100, accept_all, kHour).error == 0);
}

TEST_CASE("directories are made with their parents, and existing ones are left alone") {
  ScratchDirectory scratch;
  const fs::path deep = scratch.path() / "a" / "b" / "c";
  CHECK(make_directories(system_files(), deep, 0700) == 0);
  CHECK((fs::status(deep).permissions() & fs::perms::all) == fs::perms::owner_all);
  fs::permissions(deep, fs::perms::owner_all | fs::perms::group_read);
  CHECK(make_directories(system_files(), deep, 0700) == 0);
  CHECK((fs::status(deep).permissions() & fs::perms::group_read) != fs::perms::none);
  std::ofstream(scratch.path() / "file") << "x";
  CHECK(make_directories(system_files(), scratch.path() / "file", 0700) == ENOTDIR);
  CHECK(make_directories(system_files(), scratch.path() / "file" / "below", 0700) == ENOTDIR);
  FaultyFiles files;
  files.fail_only = "mkdir";
  files.error = EROFS;
  CHECK(make_directories(files, deep, 0700) == 0);  // it is there
  CHECK(make_directories(files, deep / "d", 0700) == EROFS);
}

TEST_CASE("listing") {
  ScratchDirectory scratch;
  std::ofstream(scratch.path() / "b") << "x";
  std::ofstream(scratch.path() / "a") << "x";
  std::vector<std::string> names = {"old"};
  CHECK(system_files().list(scratch.path(), names) == 0);
  CHECK(names == std::vector<std::string>{"a", "b"});
  CHECK(system_files().list(scratch.path() / "none", names) == ENOENT);
  CHECK(names.empty());
}

}  // namespace
