// The system's file calls as an interface, which tests replace to inject faults.
//
// Errors are errno values (0: success), never exceptions: a missing or refused file is an everyday answer. Calls
// interrupted by a signal are repeated. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace swiglu {

// What opening a path does where its last part is a symbolic link.
enum class Links { refused, followed };

struct FileStatus {
  enum class Kind { regular, directory, other };
  Kind kind = Kind::other;
  std::uint32_t owner = 0;        // user id
  std::uint32_t permissions = 0;  // mode bits 07777
  std::uint64_t size = 0;
  std::int64_t accessed_nanoseconds = 0;  // since 1970, as the two below
  std::int64_t modified_nanoseconds = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

// Each function is one system call, except where it says otherwise. The base class is the real thing; system_files() is
// the one instance the library uses.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // For reading; ELOOP on a link that is refused. Never blocks on a FIFO, and leaves the access time alone where that
  // is allowed.
  virtual int open(const std::filesystem::path& path, Links links, int& descriptor);
  // For writing a file that must not exist yet (EEXIST); `mode` less the umask.
  virtual int create(const std::filesystem::path& path, std::uint32_t mode, int& descriptor);
  virtual int read(int descriptor, std::span<std::byte> buffer, std::size_t& count);  // count 0: end of file
  virtual int read_at(int descriptor, std::uint64_t offset, std::span<std::byte> buffer, std::size_t& count);
  virtual int write(int descriptor, std::span<const std::byte> bytes, std::size_t& count);
  virtual int sync(int descriptor);
  virtual int close(int descriptor);  // the descriptor is gone whatever it returns
  virtual int status(int descriptor, FileStatus& status);
  virtual int status(const std::filesystem::path& path, FileStatus& status);       // follows symbolic links
  virtual int link_status(const std::filesystem::path& path, FileStatus& status);  // does not
  virtual int set_accessed(int descriptor, std::int64_t nanoseconds);              // the modification time stays
  virtual int rename(const std::filesystem::path& from, const std::filesystem::path& to);
  virtual int remove(const std::filesystem::path& path);               // a file
  virtual int may_write_directory(const std::filesystem::path& path);  // 0 where entries may be made in it
  virtual int make_directory(const std::filesystem::path& path, std::uint32_t mode);
  // Names in a directory, without "." and "..", sorted. Several system calls.
  virtual int list(const std::filesystem::path& path, std::vector<std::string>& names);

  virtual std::uint32_t effective_user();
  virtual std::int64_t now_nanoseconds();  // since 1970
};

FileSystem& system_files();

std::string error_text(int error);  // "No space left on device"

}  // namespace swiglu
