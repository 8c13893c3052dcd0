// The system's file calls, and reading and publishing made of them.
#include "base/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/core.h>

namespace swiglu {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNanoseconds = 1'000'000'000;

// Calls again after a signal; 0 or errno of `call`, whose result >= 0 goes to `result`.
template <typename Call>
int retried(Call call, ssize_t& result) {
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result < 0 ? errno : 0;
}

template <typename Call>
int retried(Call call) {
  ssize_t ignored = 0;
  return retried(call, ignored);
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * kNanoseconds + time.tv_nsec;
}

FileStatus from_stat(const struct stat& from) {
  FileStatus status;
  if (S_ISREG(from.st_mode)) {
    status.kind = FileStatus::Kind::regular;
  } else if (S_ISDIR(from.st_mode)) {
    status.kind = FileStatus::Kind::directory;
  }
  status.owner = from.st_uid;
  status.permissions = from.st_mode & 07777U;
  status.size = static_cast<std::uint64_t>(from.st_size);
  status.accessed_nanoseconds = nanoseconds(from.st_atim);
  status.modified_nanoseconds = nanoseconds(from.st_mtim);
  status.device = from.st_dev;
  status.inode = from.st_ino;
  return status;
}

}  // namespace

int FileSystem::open(const fs::path& path, int& descriptor) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  ssize_t result = -1;
  int error = retried([&] { return ::open(path.c_str(), kFlags | O_NOATIME); }, result);
  if (error == EPERM) {  // O_NOATIME is for the owner
    error = retried([&] { return ::open(path.c_str(), kFlags); }, result);
  }
  descriptor = static_cast<int>(result);
  return error;
}

int FileSystem::create(const fs::path& path, std::uint32_t mode, int& descriptor) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  ssize_t result = -1;
  const int error = retried([&] { return ::open(path.c_str(), kFlags, static_cast<mode_t>(mode)); }, result);
  descriptor = static_cast<int>(result);
  return error;
}

int FileSystem::read(int descriptor, std::span<std::byte> buffer, std::size_t& count) {
  ssize_t result = 0;
  const int error = retried([&] { return ::read(descriptor, buffer.data(), buffer.size()); }, result);
  count = error == 0 ? static_cast<std::size_t>(result) : 0;
  return error;
}

int FileSystem::read_at(int descriptor, std::uint64_t offset, std::span<std::byte> buffer, std::size_t& count) {
  ssize_t result = 0;
  const int error =
      retried([&] { return ::pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(offset)); }, result);
  count = error == 0 ? static_cast<std::size_t>(result) : 0;
  return error;
}

int FileSystem::write(int descriptor, std::span<const std::byte> bytes, std::size_t& count) {
  ssize_t result = 0;
  const int error = retried([&] { return ::write(descriptor, bytes.data(), bytes.size()); }, result);
  count = error == 0 ? static_cast<std::size_t>(result) : 0;
  return error;
}

int FileSystem::sync(int descriptor) {
  return retried([&] { return ::fsync(descriptor); });
}

// On Linux the descriptor is released even when close() is interrupted: never repeated.
int FileSystem::close(int descriptor) { return ::close(descriptor) == 0 || errno == EINTR ? 0 : errno; }

int FileSystem::status(int descriptor, FileStatus& status) {
  struct stat result {};
  const int error = retried([&] { return ::fstat(descriptor, &result); });
  status = from_stat(result);
  return error;
}

int FileSystem::status(const fs::path& path, FileStatus& status) {
  struct stat result {};
  const int error = retried([&] { return ::stat(path.c_str(), &result); });
  status = from_stat(result);
  return error;
}

int FileSystem::link_status(const fs::path& path, FileStatus& status) {
  struct stat result {};
  const int error = retried([&] { return ::lstat(path.c_str(), &result); });
  status = from_stat(result);
  return error;
}

int FileSystem::set_accessed(int descriptor, std::int64_t nanoseconds) {
  timespec times[2] = {};
  times[0].tv_sec = static_cast<time_t>(nanoseconds / kNanoseconds);
  times[0].tv_nsec = static_cast<long>(nanoseconds % kNanoseconds);
  times[1].tv_nsec = UTIME_OMIT;
  return retried([&] { return ::futimens(descriptor, times); });
}

int FileSystem::rename(const fs::path& from, const fs::path& to) {
  return retried([&] { return ::rename(from.c_str(), to.c_str()); });
}

int FileSystem::remove(const fs::path& path) {
  return retried([&] { return ::unlink(path.c_str()); });
}

int FileSystem::make_directory(const fs::path& path, std::uint32_t mode) {
  return retried([&] { return ::mkdir(path.c_str(), static_cast<mode_t>(mode)); });
}

int FileSystem::list(const fs::path& path, std::vector<std::string>& names) {
  names.clear();
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (directory == nullptr) {
    return errno;
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): the stream is this call's own
    if (entry == nullptr) {
      break;
    }
    std::string name = entry->d_name;
    if (name != "." && name != "..") {
      names.push_back(std::move(name));
    }
  }
  const int error = errno;
  std::sort(names.begin(), names.end());
  return error;
}

std::uint32_t FileSystem::effective_user() { return ::geteuid(); }

std::int64_t FileSystem::now_nanoseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

FileSystem& system_files() {
  static FileSystem& files = *new FileSystem;
  return files;
}

std::string error_text(int error) { return std::error_code(error, std::generic_category()).message(); }

namespace {

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

// Some network and user-space file systems have no fsync. The checksum of an entry covers what it would have.
bool sync_is_missing(int error) { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

// The process id is asked for now: a forked child must not share names with its parent.
int create_temporary(FileSystem& files, const fs::path& directory, std::uint32_t mode, fs::path& path,
                     int& descriptor) {
  static std::atomic<std::uint64_t> counter{0};
  int error = EEXIST;
  for (int attempt = 0; attempt < 100 && error == EEXIST; ++attempt) {
    path = directory / fmt::format("{}.{}.{:x}.tmp", ::getpid(), counter.fetch_add(1), files.now_nanoseconds());
    error = files.create(path, mode, descriptor);
  }
  return error;
}

}  // namespace

ReadResult read_file(FileSystem& files, const fs::path& path, std::uint64_t at_most,
                     const std::function<std::string(const FileStatus&)>& accept,
                     std::optional<std::int64_t> touch_after_nanoseconds) {
  ReadResult result;
  int opened = -1;
  result.error = files.open(path, opened);
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

PublishResult publish(FileSystem& files, const fs::path& path, const fs::path& temporary_directory,
                      std::span<const std::byte> bytes, std::uint32_t mode) {
  fs::path temporary;
  int created = -1;
  if (const int error = create_temporary(files, temporary_directory, mode, temporary, created); error != 0) {
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
