#include "store/directories.h"

#include <utility>

#include <fmt/core.h>

#include "base/location.h"
#include "base/log.h"

namespace swiglu {

SearchPath search_path(const Settings& settings) {
  SearchPath path;
  if (settings.disable_cache) {
    return path;
  }
  path.user_directory = settings.cache_directory;
  path.read_only_directories = settings.cache_path;
  if (auto installed = installed_cache_directory()) {
    path.read_only_directories.push_back(std::move(*installed));
  }
  path.trust_shared = settings.trust_shared_cache;
  return path;
}

StoreDirectories::StoreDirectories(const char* what, std::string_view part, const SearchPath& path, FileSystem& files)
    : what_(what), part_(part) {
  if (path.user_directory) {
    all_.emplace_back(files, *path.user_directory, true, path.trust_shared);
  }
  for (const std::filesystem::path& directory : path.read_only_directories) {
    all_.emplace_back(files, directory, false, path.trust_shared);
  }
  for (const EntryDirectory& directory : all_) {
    log().debug("{}: {} ({})", what_, directory.root().string(), directory.writable() ? "user" : "read-only");
  }
}

const EntryDirectory* StoreDirectories::user() const {
  return !all_.empty() && all_.front().writable() ? &all_.front() : nullptr;
}

bool StoreDirectories::is_usable(const EntryDirectory& directory) {
  const std::string why_not = directory.why_refused(part_);
  if (!why_not.empty()) {
    warn_once("refused", directory.root(),
              fmt::format("the {} {} is not used: {}", what_, directory.root().string(), why_not));
  }
  return why_not.empty();
}

void StoreDirectories::warn_once(std::string_view cause, const std::filesystem::path& where,
                                 const std::string& message) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = warned_.insert(fmt::format("{}\n{}", cause, where.string())).second;
  }
  log().write(first ? SWIGLU_LOG_WARNING : SWIGLU_LOG_DEBUG, "{}", message);
}

}  // namespace swiglu
