#include "base/files.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

namespace swiglu {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  Descriptor(FileSystem& files, int value) : files_(files), value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int close() {
    const int value = std::exchange(value_, -1);
    return value >= 0 ? files_.close(value) : 0;
  }

 private:
  FileSystem& files_;
  int value_;
};

int read_all(FileSystem& files, int descriptor, std::vector<std::byte>& bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    std::size_t count = 0;
    if (const int error = files.read(descriptor, std::span(bytes).subspan(filled), count); error != 0) {
      return error;
    }
    if (count == 0) {
      break;
    }
    filled += count;
  }
  bytes.resize(filled);
  return 0;
}

int write_all(FileSystem& files, int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::size_t count = 0;
    if (const int error = files.write(descriptor, bytes, count); error != 0) {
      return error;
    }
    if (count == 0) {
      return EIO;  // a write that neither fails nor advances would loop for ever
    }
    bytes = bytes.subspan(count);
  }
  return 0;
}

}  // namespace

bool sync_is_missing(int error) { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

ReadResult read_file(FileSystem& files, const fs::path& path, std::uint64_t at_most,
                     const std::function<std::string(const FileStatus&)>& accept,
                     std::optional<std::int64_t> touch_after_nanoseconds) {
  ReadResult result;
  int opened = -1;
  result.error = files.open(path, Links::refused, opened);
  if (result.error != 0) {
    return result;
  }
  Descriptor descriptor(files, opened);
  result.error = files.status(descriptor.get(), result.status);
  if (result.error != 0) {
    return result;
  }
  result.refused = accept(result.status);
  if (!result.refused.empty()) {
    return result;
  }
  result.bytes.resize(static_cast<std::size_t>(std::min(result.status.size, at_most)));
  result.error = read_all(files, descriptor.get(), result.bytes);
  if (result.error != 0) {
    result.bytes.clear();
    return result;
  }
  if (touch_after_nanoseconds) {
    const std::int64_t now = files.now_nanoseconds();
    const std::int64_t age = now - result.status.accessed_nanoseconds;
    if (age > *touch_after_nanoseconds || -age > *touch_after_nanoseconds) {  // an access in the future heals as well
      files.set_accessed(descriptor.get(), now);
    }
  }
  return result;
}

// The process id is asked for now: a forked child must not share names with its parent.
int create_temporary(FileSystem& files, const fs::path& prefix, std::uint32_t mode, fs::path& path, int& descriptor) {
  static std::atomic<std::uint64_t> counter{0};
  int error = EEXIST;
  for (int attempt = 0; attempt < 100 && error == EEXIST; ++attempt) {
    path = prefix;
    path += fmt::format("{}.{}.{:x}.tmp", ::getpid(), counter.fetch_add(1), files.now_nanoseconds());
    error = files.create(path, mode, descriptor);
  }
  return error;
}

PublishResult publish(FileSystem& files, const fs::path& path, const fs::path& temporary_directory,
                      std::span<const std::byte> bytes, std::uint32_t mode) {
  fs::path temporary;
  int created = -1;
  if (const int error = create_temporary(files, temporary_directory / "", mode, temporary, created); error != 0) {
    return {error, "create"};
  }
  PublishResult result;
  {
    Descriptor descriptor(files, created);
    const auto step = [&result](const char* name, int error) {
      if (result.error == 0 && error != 0) {
        result = {error, name};
      }
      return result.error == 0;
    };
    if (step("write", write_all(files, descriptor.get(), bytes))) {
      const int error = files.sync(descriptor.get());
      step("sync", sync_is_missing(error) ? 0 : error);
    }
    step("close", descriptor.close());
    if (result.error == 0) {
      step("rename", files.rename(temporary, path));
    }
  }
  if (result.error != 0) {
    files.remove(temporary);
  }
  return result;
}

int make_directories(FileSystem& files, const fs::path& path, std::uint32_t mode) {
  int error = files.make_directory(path, mode);
  if (error == ENOENT && path.has_relative_path() && path.has_parent_path()) {
    error = make_directories(files, path.parent_path(), mode);
    if (error == 0) {
      error = files.make_directory(path, mode);
    }
  }
  if (error == 0) {
    return 0;
  }
  // EEXIST, or another refusal (EROFS, EACCES) of a directory that is there already.
  FileStatus status;
  if (files.status(path, status) == 0) {
    return status.kind == FileStatus::Kind::directory ? 0 : ENOTDIR;
  }
  return error;
}

}  // namespace swiglu
