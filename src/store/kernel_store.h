// Compiled kernels on disk: one writable directory of the user, then read-only directories. One self-contained file per
// entry (format: cache/README.md). A store may be slow or empty, never wrong and never fatal: every failure to read is
// a miss, every failure to write leaves the caller with its own bytes; either warns once per cause and directory.
// Nothing here throws for what it finds on disk.
//
// Thread-safe, and safe between processes and hosts without locks: entries are published by rename and never modified.
// Nothing is remembered of the disk's contents: an entry that another process publishes is found by the next find().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/settings.h"
#include "store/directories.h"
#include "store/directory.h"
#include "store/entry.h"

namespace swiglu {

class KernelStore {
 public:
  struct Options : SearchPath {
    std::uint64_t max_bytes = std::uint64_t{1} << 30;
    std::string why_no_user_directory;  // told once by put(), if there is none; "" if that is as wanted
  };
  enum class Origin { user, shared };
  struct Found {
    KernelEntry entry;
    Origin origin;
  };
  struct Listed {
    std::filesystem::path path;
    bool writable;
    std::string config;
    std::string arch;
    std::uint64_t bytes;
    std::int64_t used_unix_seconds;
    std::string problem;  // empty: sound
  };
  struct Pruned {
    std::uint64_t removed_bytes;
    std::uint64_t remaining_bytes;
  };

  explicit KernelStore(Options options, FileSystem& files = system_files());

  // The entry whose whole key text equals `key`. A damaged or foreign entry in the user's directory is removed, so that
  // the next put() heals it. Entries of read-only directories are never copied, touched or removed.
  std::optional<Found> find(std::string_view key);

  // Publishes, then evicts down to max_bytes, where so much may be there by now; returns whether it is on disk now.
  // Refuses what why_not_storable() refuses and what is larger than max_bytes. A full or unwritable disk ends all
  // writing of this store until the next prune().
  bool put(const KernelEntry& entry);

  // Whether the user's directory has an entry of this key now. It is not read.
  bool has(std::string_view key);

  // Why put() could not write to the user's directory, or has ended writing to it. "" if it can, or there is none.
  // Creates nothing.
  std::string why_not_writable();

  // Compilers whose kernels are here, by identity, so that a machine without one knows which keys to ask for:
  // <root>/v1/compilers/<identity>. Noted once by each store; failures of that are of no consequence.
  void note_compiler(const std::string& identity);
  std::vector<std::string> compilers();  // of every directory, the user's first; none twice

  // Adds the sound entries of the user's directory, of one architecture ("": of all), and their compilers. How many.
  std::size_t pack(PackWriter& writer, std::string_view arch);

  // Forgets an entry that checked out but that the driver rejected.
  void remove(std::string_view key);

  // Every entry of every directory, the user's first, by path. Without `verify` only what cannot be read at all is a
  // problem; with it every entry is read whole and checked as find() would, and a refused directory is listed as well.
  std::vector<Listed> list(bool verify);

  // Of the user's directory: evicts down to max_bytes (0: everything) and removes what killed writers left.
  Pruned prune(std::uint64_t max_bytes);

 private:
  std::optional<KernelEntry> find_in(const EntryDirectory& directory, std::string_view key);
  bool may_write(const KernelEntry& entry);
  void make_room(const EntryDirectory& directory, const std::filesystem::path& keep, std::uint64_t written);
  void tell_write_failure(const PublishResult& result);
  Listed describe(const EntryDirectory& directory, const EntryDirectory::Entry& entry, bool verify);

  FileSystem& files_;
  Options options_;
  StoreDirectories directories_;
  std::mutex mutex_;
  std::set<std::string> noted_;  // compilers; under mutex_
  std::string why_disabled_;     // under mutex_
  std::uint64_t room_ = 0;       // bytes to write before the directory is walked again; under mutex_
  std::atomic<bool> writes_disabled_{false};
  std::atomic<bool> swept_{false};
};

// The directories and limits that the environment and the installation ask for.
KernelStore::Options kernel_store_options(const Settings& settings);

}  // namespace swiglu
