// One directory of the stores; here of kernel entries (tuning records: store/tuning_store.h):
//
//   <root>/v1/kernels/ab/<32 hex digits>.swk   entries; the name is the digest of the key, "ab" its first two digits
//   <root>/v1/tmp/                             files being written, renamed into place when they are whole
//
// A read-only one may be a pack instead, a single file that holds the same (store/pack.h).
//
// Knows where an entry lies, whose files may be trusted, what to evict. Nothing is created before the first publish().
// No locks: every step is harmless beside other processes doing the same. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "store/pack.h"

namespace swiglu {

class EntryDirectory {
 public:
  EntryDirectory(FileSystem& files, std::filesystem::path root, bool writable, bool trust_shared);

  const std::filesystem::path& root() const { return root_; }
  bool writable() const { return writable_; }
  std::filesystem::path path_of(std::string_view name) const;  // of the entry with this digest in hexadecimal

  std::filesystem::path part(std::string_view name) const { return root_ / "v1" / name; }

  // Why nothing in this part of it ("kernels") may be read or written: another user could change it. "" if it may, also
  // where it does not exist.
  std::string why_refused(std::string_view name = "kernels") const;

  // Why no entry can be published in it, as far as that can be told without creating anything. "" if one can.
  std::string why_not_writable() const;

  // Opens, checks owner, permissions, kind and size, reads up to `at_most` bytes; once more after ESTALE (a file
  // replaced on another host). `used`: keeps the access time, which eviction goes by, up to date to the hour, if
  // writable.
  ReadResult read(const std::filesystem::path& path, std::size_t at_most, bool used) const;

  // Creates the directories as needed; once more where another process has just removed them.
  PublishResult publish_entry(std::string_view name, std::span<const std::byte> bytes) const;
  PublishResult publish_file(const std::filesystem::path& path, std::span<const std::byte> bytes) const;

  // Removes a file unless it is another one by now than `seen` (as of a status or a listing). Only if writable.
  bool remove_if_unchanged(const std::filesystem::path& path, const FileStatus& seen) const;

  // Removes whatever has this name, or only a symbolic link or the like. Only if writable.
  bool remove(const std::filesystem::path& path) const;
  bool remove_link(const std::filesystem::path& path) const;

  // Names in a folder of it, sorted; none where there is no such folder.
  std::vector<std::string> list(const std::filesystem::path& folder) const;

  struct Entry {
    std::filesystem::path path;
    FileStatus status;  // of the name itself: a symbolic link is Kind::other
  };
  std::vector<Entry> entries() const;  // sorted by path; names that are not an entry's are skipped

  struct Evicted {
    std::uint64_t removed_bytes = 0;
    std::uint64_t remaining_bytes = 0;
  };
  // Removes least recently used entries until at most max_bytes remain. `keep`: never this one.
  Evicted evict(std::uint64_t max_bytes, const std::filesystem::path& keep = {}) const;

  // Removes what killed writers left: temporary files not modified for an hour.
  void sweep_temporaries() const;

 private:
  // Looked for once.
  struct LazyPack {
    std::once_flag once;
    bool is_file = false;
    std::shared_ptr<const Pack> pack;
    std::string why_not;
  };
  const LazyPack& lazy_pack() const;
  int status_of(const std::filesystem::path& path, FileStatus& status) const;
  std::string name_in_pack(const std::filesystem::path& path) const;
  std::string why_untrusted(const FileStatus& status) const;
  std::string why_file_refused(const FileStatus& status) const;
  std::uint32_t mode(std::uint32_t own, std::uint32_t shared) const { return trust_shared_ ? shared : own; }

  FileSystem& files_;
  std::filesystem::path root_;
  std::filesystem::path kernels_;
  std::filesystem::path temporaries_;
  bool writable_;
  bool trust_shared_;
  std::shared_ptr<LazyPack> pack_ = std::make_shared<LazyPack>();
};

}  // namespace swiglu
