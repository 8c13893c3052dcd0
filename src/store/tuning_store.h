// Tuning records on disk: one writable directory of the user, then read-only ones, each laid out as
//
//   <root>/v1/tuned/<16 hex digits>/environment.json    which environment this folder is of, for readers
//   <root>/v1/tuned/<16 hex digits>/<32 hex digits>.json  one record; named by the digest of problem and bucket
//   <root>/tuned/<any>.json                              documents that ship (read-only directories alone)
//
// What the kernel store promises holds here (store/kernel_store.h): atomic publishing, no locks, never wrong, never
// fatal; every file is validated as a whole, and a refused one is a miss with a warning. Nothing is ever evicted.
// Thread-safe.
//
// A record of another NVRTC's kernels on the same GPU is good enough in a read-only directory, and everywhere where
// this machine has no NVRTC; what was measured with the very same one is preferred.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "store/directories.h"
#include "store/directory.h"
#include "store/tuning_record.h"

namespace swiglu {

class TuningStore {
 public:
  enum class Origin { user, shared };
  struct Found {
    TuningEntry entry;
    Origin origin;
  };
  struct Listed {
    std::filesystem::path path;
    bool writable;
    std::vector<TuningEntry> entries;
    std::string problem;  // "" if it is sound
  };
  struct ImportResult {
    std::size_t added = 0;
    std::size_t known = 0;  // the user's directory had a record already, which stays
  };

  explicit TuningStore(const SearchPath& path, FileSystem& files = system_files());

  // Of the records that `suits`, so that one that does not hides no other.
  using Suits = std::function<bool(const TuningRecord&)>;
  std::optional<Found> find(const TuningEnvironment& environment, const Problem& problem, std::int64_t first_m,
                            std::int64_t last_m, bool any_compiler = false, const Suits& suits = any);

  // Publishes, in place of what was known, unless that was finished and this is not; returns whether one of the two is
  // on disk now.
  bool put(const TuningEntry& entry);

  // All or nothing: if one cannot be written those written before it are removed. Throws Error{IO_ERROR} then.
  ImportResult import(const std::vector<TuningEntry>& entries);

  // Adds the sound records of the user's directory. How many.
  std::size_t pack(PackWriter& writer);

  // Every file of every directory, the user's first, by path.
  std::vector<Listed> list();

 private:
  static bool any(const TuningRecord&) { return true; }
  struct Wanted {
    const TuningEnvironment& environment;
    TuningRecord key;  // its problem and bucket
    const Suits& suits;
  };
  std::optional<TuningEntry> find_in(const EntryDirectory& directory, const Wanted& wanted, bool any_compiler);
  std::optional<TuningEntry> find_record(const EntryDirectory& directory, const std::filesystem::path& path,
                                         const Wanted& wanted, bool exact);
  std::optional<TuningEntry> find_shipped(const EntryDirectory& directory, const Wanted& wanted);
  // Collections of records of a read-only directory, read once.
  struct Document {
    std::filesystem::path path;
    std::string text;
  };
  const std::vector<Document>& documents(const EntryDirectory& directory);
  PublishResult publish(const EntryDirectory& directory, const TuningEntry& entry);

  FileSystem& files_;
  StoreDirectories directories_;
  std::mutex mutex_;
  std::map<std::filesystem::path, std::unique_ptr<const std::vector<Document>>> read_;  // by root, under mutex_
};

}  // namespace swiglu
