// The real file system with one fault: the nth call fails with a given errno, or a write takes only part of its bytes.
// Also a clock and owners of the test's choice, so that ages and foreign owners need neither waiting nor root. One
// thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"

namespace swiglu::test {

class FaultyFiles : public FileSystem {
 public:
  // Faults. `fail_at` counts the calls of this object from 1; 0: none.
  int fail_at = 0;
  int error = 0;
  std::string fail_only;  // fail every call of this name with `error` instead: "rename"
  std::size_t longest_write = ~std::size_t{0};
  // Bookkeeping.
  int calls = 0;
  int open_descriptors = 0;
  std::string failed_call;          // the name of the call that failed
  std::multiset<std::string> made;  // names of all calls
  // Pretences.
  std::optional<std::int64_t> now;
  std::optional<std::uint32_t> file_owner;
  std::optional<std::uint32_t> directory_owner;

  int open(const std::filesystem::path& path, Links links, int& descriptor) override {
    if (const int fault = step("open"); fault != 0) {
      return fault;
    }
    return opened(FileSystem::open(path, links, descriptor));
  }
  int create(const std::filesystem::path& path, std::uint32_t mode, int& descriptor) override {
    if (const int fault = step("create"); fault != 0) {
      return fault;
    }
    return opened(FileSystem::create(path, mode, descriptor));
  }
  int read(int descriptor, std::span<std::byte> buffer, std::size_t& count) override {
    const int fault = step("read");
    return fault != 0 ? fault : FileSystem::read(descriptor, buffer, count);
  }
  int read_at(int descriptor, std::uint64_t offset, std::span<std::byte> buffer, std::size_t& count) override {
    const int fault = step("pread");
    return fault != 0 ? fault : FileSystem::read_at(descriptor, offset, buffer, count);
  }
  int write(int descriptor, std::span<const std::byte> bytes, std::size_t& count) override {
    if (const int fault = step("write"); fault != 0) {
      std::size_t part = 0;  // a disk that fills up takes the first half of the bytes
      FileSystem::write(descriptor, bytes.first(bytes.size() / 2), part);
      return fault;
    }
    return FileSystem::write(descriptor, bytes.first(std::min(bytes.size(), longest_write)), count);
  }
  int sync(int descriptor) override {
    static_cast<void>(descriptor);  // a real fsync shows a test nothing, and takes milliseconds
    return step("sync");
  }
  int close(int descriptor) override {
    const int fault = step("close");
    --open_descriptors;
    const int result = FileSystem::close(descriptor);  // a close that reports an error has still closed
    return fault != 0 ? fault : result;
  }
  int status(int descriptor, FileStatus& status) override {
    const int fault = step("fstat");
    return fault != 0 ? fault : owned(FileSystem::status(descriptor, status), status);
  }
  int status(const std::filesystem::path& path, FileStatus& status) override {
    const int fault = step("stat");
    return fault != 0 ? fault : owned(FileSystem::status(path, status), status);
  }
  int link_status(const std::filesystem::path& path, FileStatus& status) override {
    const int fault = step("lstat");
    return fault != 0 ? fault : owned(FileSystem::link_status(path, status), status);
  }
  int set_accessed(int descriptor, std::int64_t nanoseconds) override {
    const int fault = step("touch");
    return fault != 0 ? fault : FileSystem::set_accessed(descriptor, nanoseconds);
  }
  int rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    const int fault = step("rename");
    return fault != 0 ? fault : FileSystem::rename(from, to);
  }
  int remove(const std::filesystem::path& path) override {
    const int fault = step("remove");
    return fault != 0 ? fault : FileSystem::remove(path);
  }
  int may_write_directory(const std::filesystem::path& path) override {
    const int fault = step("access");
    return fault != 0 ? fault : FileSystem::may_write_directory(path);
  }
  int make_directory(const std::filesystem::path& path, std::uint32_t mode) override {
    const int fault = step("mkdir");
    return fault != 0 ? fault : FileSystem::make_directory(path, mode);
  }
  int list(const std::filesystem::path& path, std::vector<std::string>& names) override {
    const int fault = step("list");
    return fault != 0 ? fault : FileSystem::list(path, names);
  }
  std::int64_t now_nanoseconds() override { return now ? *now : FileSystem::now_nanoseconds(); }

 private:
  int step(const char* name) {
    made.insert(name);
    if (++calls == fail_at || (!fail_only.empty() && fail_only == name)) {
      failed_call = name;
      return error;
    }
    return 0;
  }
  int opened(int result) {
    open_descriptors += result == 0 ? 1 : 0;
    return result;
  }
  int owned(int result, FileStatus& status) const {
    if (file_owner && status.kind == FileStatus::Kind::regular) {
      status.owner = *file_owner;
    }
    if (directory_owner && status.kind == FileStatus::Kind::directory) {
      status.owner = *directory_owner;
    }
    return result;
  }
};

}  // namespace swiglu::test
