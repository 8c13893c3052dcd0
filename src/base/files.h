// The procedures the stores need, made of the calls of FileSystem: read_file(), create_temporary(), publish(),
// make_directories(). Errors are errno values, as there. Thread-safe, and safe after fork().
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace swiglu {

struct ReadResult {
  int error = 0;                 // 0 even where it was refused
  std::string refused;           // why `accept` did not want it, or it is too large
  FileStatus status;             // valid if the file could be opened
  std::vector<std::byte> bytes;  // the first `at_most` bytes
};

// Opens, asks accept(status) (which returns why not, or ""), then reads. Nothing is allocated for a file that was
// refused. A file that turns out shorter than its status said is returned as far as it goes. touch_after_nanoseconds:
// on success the access time is set to now if it is further away from now than that; errors of that are ignored.
ReadResult read_file(FileSystem& files, const std::filesystem::path& path, std::uint64_t at_most,
                     const std::function<std::string(const FileStatus&)>& accept,
                     std::optional<std::int64_t> touch_after_nanoseconds = std::nullopt);

// Whether an error of sync() says that there is none: some network and user-space file systems have no fsync. Checksums
// cover what it would have.
bool sync_is_missing(int error);

// Creates a file to be renamed when it is whole. Its name, `path`, is `prefix` and what no other thread, process or
// host takes at the same time: prefix / "" puts it into a directory.
int create_temporary(FileSystem& files, const std::filesystem::path& prefix, std::uint32_t mode,
                     std::filesystem::path& path, int& descriptor);

struct PublishResult {
  int error = 0;
  const char* step = "";  // "create", "write", "sync", "close" or "rename": what failed
};

// Makes `path` hold `bytes`, all at once for every reader: a new file in temporary_directory (same file system),
// written, synced, closed, renamed. On any failure `path` is as it was and the temporary file is gone (unlinked by its
// own name, ignoring errors of that).
PublishResult publish(FileSystem& files, const std::filesystem::path& path,
                      const std::filesystem::path& temporary_directory, std::span<const std::byte> bytes,
                      std::uint32_t mode);

// Creates a directory and its missing parents with `mode` less the umask; what exists is left as it is. ENOTDIR where
// something else stands in the way.
int make_directories(FileSystem& files, const std::filesystem::path& path, std::uint32_t mode);

}  // namespace swiglu
