// Stores in one file: what is written reads back, what is damaged is refused, and a directory and its pack serve alike.
#include "store/pack.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "store/kernel_store.h"
#include "store/tuning_store.h"
#include "support/faulty_files.h"
#include "support/kernel_entries.h"
#include "support/log_capture.h"
#include "support/scratch_directory.h"
#include "support/store_files.h"
#include "support/tuning_entries.h"

namespace swiglu {
namespace {

using test::FaultyFiles;
using test::LogCapture;
using test::made_up_entry;
using test::made_up_key;
using test::made_up_tuning;
using test::read_bytes;
using test::ScratchDirectory;
using test::write_file;
namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::shared_ptr<const Pack> open(const fs::path& path, std::string* why = nullptr) {
  std::string why_not;
  auto pack = Pack::open(system_files(), path, why_not);
  CHECK((pack == nullptr) == !why_not.empty());
  if (why != nullptr) {
    *why = why_not;
  }
  return pack;
}

fs::path write_pack(const fs::path& path) {
  PackWriter writer(system_files(), path);
  CHECK(writer.add("v1/a/one", bytes_of("1")) == 0);
  CHECK(writer.add("v1/a/empty", {}) == 0);
  CHECK(writer.add("v1/b/long", bytes_of(std::string(1025, 'x'))) == 0);
  CHECK(writer.add("top", bytes_of("t")) == 0);
  REQUIRE(writer.finish() == 0);
  return path;
}

TEST_CASE("what is written reads back, and tar agrees") {
  ScratchDirectory scratch;
  const fs::path path = write_pack(scratch.path() / "pack.tar");
  const auto pack = open(path);
  REQUIRE(pack);
  CHECK(pack->names() == std::vector<std::string>{"top", "v1/a/empty", "v1/a/one", "v1/b/long"});
  CHECK(pack->list("v1") == std::vector<std::string>{"a", "b"});
  CHECK(pack->list("v1/a") == std::vector<std::string>{"empty", "one"});
  CHECK(pack->list("v") == std::vector<std::string>{});
  CHECK(pack->read("v1/b/long", 5000).bytes.size() == 1025);
  CHECK(pack->read("v1/b/long", 10).bytes.size() == 10);
  CHECK(pack->read("v1/b/long", 10).status.size == 1025);
  CHECK(pack->read("v1/a/empty", 10).error == 0);
  CHECK(pack->read("v1/a/none", 10).error == ENOENT);
  CHECK(read_bytes(path).size() % 512 == 0);
  fs::create_directory(scratch.path() / "out");
  const std::string command = "tar -xf " + path.string() + " -C " + (scratch.path() / "out").string() + " && tar -cf " +
                              (scratch.path() / "again.tar").string() + " -C " + (scratch.path() / "out").string() +
                              " .";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(read_bytes(scratch.path() / "out" / "v1" / "b" / "long").size() == 1025);
  const auto again = open(scratch.path() / "again.tar");
  REQUIRE(again);
  CHECK(again->names() == pack->names());
  write_pack(scratch.path() / "twin.tar");
  CHECK(read_bytes(scratch.path() / "twin.tar") == read_bytes(path));  // the same contents, the same bytes
}

TEST_CASE("a pack that is cut off or damaged is refused, or a file in it missing, never wrong in its extents") {
  ScratchDirectory scratch;
  const std::vector<std::byte> sound = read_bytes(write_pack(scratch.path() / "pack.tar"));
  const fs::path path = scratch.path() / "bad.tar";
  for (std::size_t size = 0; size < sound.size() - 1024; size += 100) {
    write_file(path, {sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size)});
    CAPTURE(size);
    CHECK(open(path) == nullptr);
  }
  for (std::size_t at = 0; at < sound.size(); at += 3) {
    std::vector<std::byte> flipped = sound;
    flipped[at] ^= std::byte{0x15};
    write_file(path, flipped);
    const auto pack = open(path);
    for (const std::string& name : pack ? pack->names() : std::vector<std::string>()) {
      CHECK(pack->read(name, 1 << 20).bytes.size() <= sound.size());
    }
  }
  std::string why;
  CHECK(open(scratch.path() / "none.tar", &why) == nullptr);
  CHECK(open(scratch.path(), &why) == nullptr);
  write_file(path, std::vector<std::byte>(5000, std::byte{'x'}));
  CHECK(open(path, &why) == nullptr);
  CHECK(why.find("no tar archive") != std::string::npos);
}

TEST_CASE("names that lead elsewhere are not written, nor read") {
  ScratchDirectory scratch;
  for (const char* name : {"", "/etc/passwd", "../up", "a/../b", "a//b", "a/", "a b", "a\nb"}) {
    PackWriter writer(system_files(), scratch.path() / "pack.tar");
    CHECK(writer.add(name, bytes_of("x")) == EINVAL);
    CHECK(writer.finish() == EINVAL);
    CHECK(fs::is_empty(scratch.path()));
  }
  PackWriter writer(system_files(), scratch.path() / "pack.tar");
  CHECK(writer.add(std::string(100, 'n'), bytes_of("x")) == EINVAL);
}

TEST_CASE("whatever fails while writing, the file is as it was and nothing else is left") {
  for (int at = 1;; ++at) {
    ScratchDirectory scratch;
    const fs::path path = scratch.path() / "pack.tar";
    write_file(path, {std::byte{'o'}});
    FaultyFiles files;
    files.fail_at = at;
    files.error = ENOSPC;
    int result = 0;
    {
      PackWriter writer(files, path);
      writer.add("v1/a", bytes_of(std::string(2000, 'x')));
      result = writer.finish();
    }
    CHECK(files.open_descriptors == 0);
    CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 1);
    CHECK(read_bytes(path).size() == (result == 0 ? 3584 : 1));
    if (files.failed_call.empty()) {
      CHECK(result == 0);
      break;
    }
    CHECK((result == ENOSPC || files.failed_call == "remove"));
    REQUIRE(at < 100);
  }
}

TEST_CASE("two that write one path at the same time do not meet: the later one's file stays, and nothing else") {
  ScratchDirectory scratch;
  const fs::path path = scratch.path() / "pack.tar";
  PackWriter first(system_files(), path);
  CHECK(first.add("v1/a/one", bytes_of("1")) == 0);
  PackWriter second(system_files(), path);
  CHECK(second.add("v1/a/two", bytes_of("2")) == 0);
  { PackWriter given_up(system_files(), path); }
  CHECK(first.finish() == 0);
  const auto earlier = open(path);
  REQUIRE(earlier);
  CHECK(earlier->names() == std::vector<std::string>{"v1/a/one"});
  CHECK(second.finish() == 0);
  const auto later = open(path);
  REQUIRE(later);
  CHECK(later->names() == std::vector<std::string>{"v1/a/two"});
  CHECK(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a pack may be a symbolic link, and is trusted as the file that the link leads to") {
  ScratchDirectory scratch;
  const fs::path root = scratch.path() / "cache";
  const fs::path path = scratch.path() / "pack.tar";
  {
    KernelStore kernels(test::in(root));
    REQUIRE(kernels.put(made_up_entry(1, 70)));
    PackWriter writer(system_files(), path);
    REQUIRE(kernels.pack(writer, "") == 1);
    REQUIRE(writer.finish() == 0);
  }
  fs::permissions(path, fs::perms::group_write | fs::perms::others_write, fs::perm_options::remove);
  // As Kubernetes mounts a file of a ConfigMap.
  fs::create_directory(scratch.path() / "2026");
  fs::rename(path, scratch.path() / "2026" / "pack.tar");
  fs::create_symlink("2026", scratch.path() / "data");
  fs::create_symlink("data/pack.tar", path);
  KernelStore::Options options;
  options.read_only_directories = {path};
  {
    const LogCapture log;
    CHECK(KernelStore(options).find(made_up_key(1)));
    CHECK(log.count() == 0);
  }
  const LogCapture log;
  fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
  CHECK_FALSE(KernelStore(options).find(made_up_key(1)));
  REQUIRE(log.count() == 1);
  CHECK(log.last().find("others may write") != std::string::npos);
}

TEST_CASE("a store and its pack serve alike, as a file and unpacked") {
  ScratchDirectory scratch;
  const fs::path root = scratch.path() / "cache";
  const TuningEntry record = made_up_tuning();
  {
    KernelStore kernels(test::in(root));
    REQUIRE(kernels.put(made_up_entry(1, 5000)));
    REQUIRE(kernels.put(made_up_entry(2, 70)));
    kernels.note_compiler("0123abc");
    SearchPath path;
    path.user_directory = root;
    TuningStore tuning(path);
    REQUIRE(tuning.put(record));
    PackWriter writer(system_files(), scratch.path() / "pack.tar");
    CHECK(kernels.pack(writer, "") == 2);
    CHECK(tuning.pack(writer) == 1);
    REQUIRE(writer.finish() == 0);
  }
  fs::create_directory(scratch.path() / "out");
  fs::permissions(scratch.path() / "pack.tar", fs::perms::group_write | fs::perms::others_write,
                  fs::perm_options::remove);
  REQUIRE(std::system(("tar -xf " + (scratch.path() / "pack.tar").string() + " -C " + (scratch.path() / "out").string())
                          .c_str()) == 0);
  const LogCapture log;
  for (const fs::path& place : {scratch.path() / "pack.tar", scratch.path() / "out"}) {
    CAPTURE(place.string());
    KernelStore::Options options;
    options.read_only_directories = {place};
    KernelStore kernels(options);
    REQUIRE(kernels.find(made_up_key(1)));
    CHECK(test::same(kernels.find(made_up_key(1))->entry, made_up_entry(1, 5000)));
    CHECK(kernels.find(made_up_key(1))->origin == KernelStore::Origin::shared);
    CHECK_FALSE(kernels.find(made_up_key(3)));
    CHECK(kernels.list(true).size() == 2);
    for (const auto& listed : kernels.list(true)) {
      CHECK(listed.problem == "");
      CHECK_FALSE(listed.writable);
    }
    CHECK(kernels.compilers() == std::vector<std::string>{"0123abc"});
    TuningStore tuning({std::nullopt, {place}});
    const auto found = tuning.find(record.environment, record.record.config.problem, 4097, 8192);
    REQUIRE(found);
    CHECK(found->entry == record);
    CHECK(tuning.list().size() == 1);
    TuningEnvironment other = record.environment;
    other.compiler = "";
    CHECK(tuning.find(other, record.record.config.problem, 4097, 8192));
  }
  CHECK(log.count() == 0);
}

TEST_CASE("a pack that others may write, or that is none, is not used, and told so once") {
  ScratchDirectory scratch;
  const fs::path path = write_pack(scratch.path() / "pack.tar");
  KernelStore::Options options;
  options.read_only_directories = {path};
  {
    const LogCapture log;
    fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
    KernelStore store(options);
    CHECK_FALSE(store.find(made_up_key(1)));
    CHECK_FALSE(store.find(made_up_key(1)));
    REQUIRE(log.count() == 1);
    CHECK(log.last().find("others may write") != std::string::npos);
  }
  const LogCapture log;
  write_file(path, {std::byte{'x'}});
  fs::permissions(path, fs::perms::others_write, fs::perm_options::remove);
  KernelStore store(options);
  CHECK_FALSE(store.find(made_up_key(1)));
  REQUIRE(log.count() == 1);
  CHECK(log.last().find("no tar archive") != std::string::npos);
}

}  // namespace
}  // namespace swiglu
