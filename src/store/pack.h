// A whole store in one file: an uncompressed tar archive (POSIX ustar) of what a store directory holds, so that `tar x`
// makes a directory of it, and a directory need not be made: a pack serves read-only as it is. Which files there are is
// read once; their bytes when they are asked for. A pack is never changed, only replaced by another file.
// Immutable, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"

namespace swiglu {

class Pack {
 public:
  // Null, and `why_not`, for what is no sound archive of plain files. A symbolic link is followed: container volumes
  // mount files as such, and status() is of the file it leads to.
  static std::shared_ptr<const Pack> open(FileSystem& files, const std::filesystem::path& path, std::string& why_not);
  ~Pack();
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;

  const FileStatus& status() const { return status_; }                  // of the archive
  ReadResult read(const std::string& name, std::size_t at_most) const;  // ENOENT where it has no such file
  std::vector<std::string> list(const std::string& folder) const;       // names of files and folders in it, sorted
  std::vector<std::string> names() const;                               // of all files, sorted

 private:
  struct Extent {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  Pack(FileSystem& files, int descriptor) : files_(files), descriptor_(descriptor) {}
  std::string index();  // why not

  FileSystem& files_;
  int descriptor_;
  FileStatus status_;
  std::map<std::string, Extent> files_in_it_;
};

// Writes an archive, published as a whole by finish(). Names are relative, of at most 99 plain characters. Errors are
// errno values; after one nothing is left behind.
class PackWriter {
 public:
  PackWriter(FileSystem& files, std::filesystem::path path);
  ~PackWriter();  // without finish(): nothing was written
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;

  int add(const std::string& name, std::span<const std::byte> bytes);
  int finish();

 private:
  int write(std::span<const std::byte> bytes);

  FileSystem& files_;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  int error_ = 0;
};

}  // namespace swiglu
