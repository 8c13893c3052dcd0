#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

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

int FileSystem::open(const fs::path& path, Links links, int& descriptor) {
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (links == Links::refused ? O_NOFOLLOW : 0);
  ssize_t result = -1;
  int error = retried([&] { return ::open(path.c_str(), flags | O_NOATIME); }, result);
  if (error == EPERM) {  // O_NOATIME is for the owner
    error = retried([&] { return ::open(path.c_str(), flags); }, result);
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

int FileSystem::may_write_directory(const fs::path& path) {
  const fs::path directory = path / "";  // ENOTDIR where it is none
  return retried([&] { return ::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS); });
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

}  // namespace swiglu
