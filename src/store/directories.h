// Where a store looks: one writable directory of the user, if there is one, then read-only ones; and how it tells of
// them: a warning once for each cause and directory. Both stores search by it. Thread-safe.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/settings.h"
#include "store/directory.h"

namespace swiglu {

struct SearchPath {
  std::optional<std::filesystem::path> user_directory;       // none: find and put work on nothing
  std::vector<std::filesystem::path> read_only_directories;  // searched in order after the user's
  bool trust_shared = false;                                 // accept files and directories that others may write
};

// What the environment and the installation ask for; nothing where stores are disabled.
SearchPath search_path(const Settings& settings);

class StoreDirectories {
 public:
  // `what` names the store in messages ("kernel store"); `part` is what it keeps in each directory ("kernels").
  StoreDirectories(const char* what, std::string_view part, const SearchPath& path, FileSystem& files);

  std::vector<EntryDirectory>::const_iterator begin() const { return all_.begin(); }  // the user's first
  std::vector<EntryDirectory>::const_iterator end() const { return all_.end(); }
  const EntryDirectory* user() const;  // null: there is none

  // Whether others cannot change what is in it; warns if they can.
  bool is_usable(const EntryDirectory& directory);

  // At level debug where this cause was told of this place before.
  void warn_once(std::string_view cause, const std::filesystem::path& where, const std::string& message);

 private:
  const char* what_;
  std::string part_;
  std::vector<EntryDirectory> all_;
  std::mutex mutex_;
  std::set<std::string> warned_;  // causes and places; under mutex_
};

}  // namespace swiglu
