// Finding, publishing and healing. Where it looks: directories.cpp; what a directory is and whom it trusts:
// directory.cpp; what an entry is: entry.cpp.
#include "store/kernel_store.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <fmt/core.h>

#include "base/digest.h"

namespace swiglu {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr const char* kCompilers = "compilers";

// A GNU build id, or a digest after a word.
bool is_compiler_name(std::string_view name) {
  return !name.empty() && name.size() <= 80 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':';
  });
}

std::string name_of(std::string_view key) { return hex(digest(key)); }

// Whether trying again later in this process is pointless.
bool is_lasting(int error) {
  constexpr int kErrors[] = {ENOSPC, EDQUOT, EROFS, EACCES, EPERM, ENOTDIR, EXDEV, ENAMETOOLONG, ELOOP, EISDIR};
  return std::find(std::begin(kErrors), std::end(kErrors), error) != std::end(kErrors);
}

}  // namespace

KernelStore::KernelStore(Options options, FileSystem& files)
    : files_(files), options_(std::move(options)), directories_("kernel store", "kernels", options_, files) {}

std::optional<KernelStore::Found> KernelStore::find(std::string_view key) {
  for (const EntryDirectory& directory : directories_) {
    if (auto entry = find_in(directory, key)) {
      return Found{std::move(*entry), directory.writable() ? Origin::user : Origin::shared};
    }
  }
  return std::nullopt;
}

std::optional<KernelEntry> KernelStore::find_in(const EntryDirectory& directory, std::string_view key) {
  if (!directories_.is_usable(directory)) {
    return std::nullopt;
  }
  const fs::path path = directory.path_of(name_of(key));
  const ReadResult read = directory.read(path, std::numeric_limits<std::size_t>::max(), true);
  if (read.error == ENOENT || read.error == ENOTDIR) {  // put() tells of the latter
    return std::nullopt;
  }
  if (read.error != 0 && read.error != ELOOP) {
    directories_.warn_once(
        error_text(read.error), directory.root(),
        fmt::format("cannot read the compiled kernel {}: {}", path.string(), error_text(read.error)));
    return std::nullopt;
  }
  DecodeResult decoded;
  decoded.why_not = read.error == ELOOP ? "it is a symbolic link" : read.refused;
  if (decoded.why_not.empty()) {
    decoded = decode_entry(read.bytes);
  }
  if (decoded.entry && decoded.entry->key != key) {
    decoded = {std::nullopt, "it holds another kernel than its name says"};
  }
  if (!decoded.entry) {
    bool removed = false;
    if (read.error == ELOOP) {
      removed = directory.remove_link(path);
    } else {
      removed = directory.remove_if_unchanged(path, read.status);
    }
    directories_.warn_once("damaged", directory.root(),
                           fmt::format("the compiled kernel {} is ignored{}: {}", path.string(),
                                       removed ? " and was removed" : "", decoded.why_not));
  }
  return std::move(decoded.entry);
}

bool KernelStore::put(const KernelEntry& entry) {
  const EntryDirectory* directory = directories_.user();
  if (directory == nullptr) {
    if (!options_.why_no_user_directory.empty()) {
      directories_.warn_once("no directory", {}, options_.why_no_user_directory);
    }
    return false;
  }
  if (writes_disabled_ || !directories_.is_usable(*directory) || !may_write(entry)) {
    return false;
  }
  const std::vector<std::byte> bytes = encode_entry(entry);
  if (bytes.size() > options_.max_bytes) {
    directories_.warn_once(
        "too large", directory->root(),
        fmt::format("the compiled kernel {} is not stored: its {} bytes exceed the store's limit of {} "
                    "(SWIGLU_CACHE_MAX_BYTES)",
                    entry.config, bytes.size(), options_.max_bytes));
    return false;
  }
  if (!swept_.exchange(true)) {
    directory->sweep_temporaries();
  }
  const std::string name = name_of(entry.key);
  const PublishResult result = directory->publish_entry(name, bytes);
  if (result.error != 0) {
    tell_write_failure(result);
    return false;
  }
  make_room(*directory, directory->path_of(name), bytes.size());
  return true;
}

// A walk over thousands of entries takes longer than many a compile.
void KernelStore::make_room(const EntryDirectory& directory, const std::filesystem::path& keep, std::uint64_t written) {
  constexpr std::uint64_t kShare = 4;  // of the room that is left, as other processes write as well
  {
    const std::lock_guard lock(mutex_);
    if (written <= room_) {
      room_ -= written;
      return;
    }
  }
  const std::uint64_t remaining = directory.evict(options_.max_bytes, keep).remaining_bytes;
  const std::lock_guard lock(mutex_);
  room_ = (options_.max_bytes - std::min(options_.max_bytes, remaining)) / kShare;
}

bool KernelStore::has(std::string_view key) {
  const EntryDirectory* directory = directories_.user();
  FileStatus status;
  return directory != nullptr && files_.link_status(directory->path_of(name_of(key)), status) == 0;
}

bool KernelStore::may_write(const KernelEntry& entry) {
  const std::string why_not = why_not_storable(entry);
  if (!why_not.empty()) {
    directories_.warn_once("not storable", {},
                           fmt::format("the compiled kernel {} is not stored: {}", entry.config, why_not));
  }
  return why_not.empty();
}

void KernelStore::tell_write_failure(const PublishResult& result) {
  const bool lasting = is_lasting(result.error);
  const fs::path& root = *options_.user_directory;
  if (lasting) {
    const std::lock_guard lock(mutex_);
    why_disabled_ =
        fmt::format("writing to {} has failed ({}: {})", root.string(), result.step, error_text(result.error));
    writes_disabled_ = true;
  }
  directories_.warn_once(
      error_text(result.error), root,
      fmt::format("cannot store compiled kernels in {} ({}: {}); {}. SWIGLU_CACHE_DIR names another directory",
                  root.string(), result.step, error_text(result.error),
                  lasting ? "from now on this process keeps them in memory only" : "this one stays in memory"));
}

std::string KernelStore::why_not_writable() {
  const EntryDirectory* directory = directories_.user();
  if (directory == nullptr) {
    return "";
  }
  if (writes_disabled_) {
    const std::lock_guard lock(mutex_);
    return why_disabled_;
  }
  return directory->why_not_writable();
}

void KernelStore::note_compiler(const std::string& identity) {
  const EntryDirectory* directory = directories_.user();
  if (directory == nullptr || writes_disabled_ || !is_compiler_name(identity) || !directory->why_refused().empty()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (!noted_.insert(identity).second) {
      return;
    }
  }
  FileStatus status;
  const fs::path path = directory->part(kCompilers) / identity;
  if (files_.link_status(path, status) != 0) {
    directory->publish_file(path, {});
  }
}

std::vector<std::string> KernelStore::compilers() {
  std::vector<std::string> all;
  for (const EntryDirectory& directory : directories_) {
    if (!directories_.is_usable(directory)) {
      continue;
    }
    for (const std::string& name : directory.list(directory.part(kCompilers))) {
      if (is_compiler_name(name) && std::find(all.begin(), all.end(), name) == all.end()) {
        all.push_back(name);
      }
    }
  }
  return all;
}

std::size_t KernelStore::pack(PackWriter& writer, std::string_view arch) {
  const EntryDirectory* directory = directories_.user();
  if (directory == nullptr || !directories_.is_usable(*directory)) {
    return 0;
  }
  const auto name_of_path = [&](const fs::path& path) {
    return path.lexically_relative(directory->root()).generic_string();
  };
  std::size_t count = 0;
  for (const EntryDirectory::Entry& entry : directory->entries()) {
    const ReadResult read = directory->read(entry.path, std::numeric_limits<std::size_t>::max(), false);
    const DecodeResult decoded = decode_entry(read.bytes);
    if (decoded.entry && entry.path.stem() == name_of(decoded.entry->key) &&
        (arch.empty() || decoded.entry->arch == arch)) {
      writer.add(name_of_path(entry.path), read.bytes);
      ++count;
    }
  }
  for (const std::string& name : directory->list(directory->part(kCompilers))) {
    if (is_compiler_name(name)) {
      writer.add(name_of_path(directory->part(kCompilers) / name), {});
    }
  }
  return count;
}

void KernelStore::remove(std::string_view key) {
  const EntryDirectory* directory = directories_.user();
  if (directory != nullptr && directories_.is_usable(*directory)) {
    directory->remove(directory->path_of(name_of(key)));
  }
}

std::vector<KernelStore::Listed> KernelStore::list(bool verify) {
  std::vector<Listed> listed;
  for (const EntryDirectory& directory : directories_) {
    if (std::string why = directory.why_refused(); !why.empty()) {
      if (verify) {
        listed.push_back({directory.root(), directory.writable(), "", "", 0, 0, std::move(why)});
      }
      continue;
    }
    for (const EntryDirectory::Entry& entry : directory.entries()) {
      listed.push_back(describe(directory, entry, verify));
    }
  }
  return listed;
}

KernelStore::Listed KernelStore::describe(const EntryDirectory& directory, const EntryDirectory::Entry& entry,
                                          bool verify) {
  Listed listed{entry.path, directory.writable(), "",
                "",         entry.status.size,    entry.status.accessed_nanoseconds / kNanoseconds,
                ""};
  const std::size_t at_most = verify ? std::numeric_limits<std::size_t>::max() : kEntryPeekBytes;
  const ReadResult read = directory.read(entry.path, at_most, false);
  if (read.error != 0) {
    listed.problem = read.error == ELOOP ? "it is a symbolic link" : error_text(read.error);
    return listed;
  }
  if (!read.refused.empty()) {
    listed.problem = read.refused;
    return listed;
  }
  DecodeResult decoded = verify ? decode_entry(read.bytes) : peek_entry(read.bytes, read.status.size);
  if (!decoded.entry) {
    listed.problem = std::move(decoded.why_not);
    return listed;
  }
  listed.config = std::move(decoded.entry->config);
  listed.arch = std::move(decoded.entry->arch);
  if (verify && entry.path.stem() != name_of(decoded.entry->key)) {
    listed.problem = "it holds another kernel than its name says";
  }
  return listed;
}

KernelStore::Pruned KernelStore::prune(std::uint64_t max_bytes) {
  const EntryDirectory* directory = directories_.user();
  if (directory == nullptr || !directories_.is_usable(*directory)) {
    return {0, 0};
  }
  directory->sweep_temporaries();
  const EntryDirectory::Evicted evicted = directory->evict(max_bytes);
  writes_disabled_ = false;  // there may be room now
  return {evicted.removed_bytes, evicted.remaining_bytes};
}

KernelStore::Options kernel_store_options(const Settings& settings) {
  KernelStore::Options options{search_path(settings), settings.cache_max_bytes, ""};
  if (!settings.disable_cache && !settings.cache_directory) {
    options.why_no_user_directory = settings.cache_directory_reason;
  }
  return options;
}

}  // namespace swiglu
