// Trust, layout and eviction of one directory of kernel entries.
#include "store/directory.h"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "base/digest.h"

namespace swiglu {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kHour = std::int64_t{3600} * 1'000'000'000;
constexpr std::uint64_t kMaxEntryBytes = std::uint64_t{64} << 20;  // far above any kernel of this library
constexpr std::uint32_t kGroupWritable = 0020;
constexpr std::uint32_t kOtherWritable = 0002;
constexpr std::uint32_t kSticky = 01000;
constexpr std::string_view kSuffix = ".swk";

bool is_entry_name(std::string_view name) {
  constexpr std::size_t kDigits = 32;
  return name.size() == kDigits + kSuffix.size() && name.ends_with(kSuffix) && is_hex(name.substr(0, kDigits));
}

auto identity(const FileStatus& status) {
  return std::tuple(status.device, status.inode, status.size, status.modified_nanoseconds);
}

}  // namespace

EntryDirectory::EntryDirectory(FileSystem& files, fs::path root, bool writable, bool trust_shared)
    : files_(files),
      root_(std::move(root)),
      kernels_(root_ / "v1" / "kernels"),
      temporaries_(root_ / "v1" / "tmp"),
      writable_(writable),
      trust_shared_(trust_shared) {}

fs::path EntryDirectory::path_of(std::string_view name) const {
  return kernels_ / name.substr(0, 2) / fmt::format("{}{}", name, kSuffix);
}

const EntryDirectory::LazyPack& EntryDirectory::lazy_pack() const {
  std::call_once(pack_->once, [this] {
    FileStatus status;
    pack_->is_file = !writable_ && files_.status(root_, status) == 0 && status.kind != FileStatus::Kind::directory;
    if (pack_->is_file) {
      pack_->pack = Pack::open(files_, root_, pack_->why_not);
    }
  });
  return *pack_;
}

std::string EntryDirectory::name_in_pack(const fs::path& path) const {
  return path.lexically_relative(root_).generic_string();
}

std::string EntryDirectory::why_refused(std::string_view name) const {
  if (const LazyPack& lazy = lazy_pack(); lazy.is_file) {
    return lazy.pack == nullptr ? lazy.why_not : why_untrusted(lazy.pack->status());
  }
  FileStatus wanted;
  if (!writable_ && files_.status(part(name), wanted) != 0 && files_.status(root_ / name, wanted) != 0) {
    return "";  // nothing to read: an installation without entries is no reason to warn of its owner
  }
  for (const fs::path& directory : {root_, root_ / "v1", part(name)}) {
    FileStatus status;
    if (files_.status(directory, status) != 0) {
      continue;  // does not exist yet, or opening an entry will say why not
    }
    if (status.kind != FileStatus::Kind::directory) {
      return fmt::format("{} is no directory", directory.string());
    }
    if (trust_shared_) {
      continue;
    }
    if (status.owner != files_.effective_user() && status.owner != 0) {
      return fmt::format("{} belongs to user {} (SWIGLU_TRUST_SHARED_CACHE=1 accepts that)", directory.string(),
                         status.owner);
    }
    if ((status.permissions & kOtherWritable) != 0 && (status.permissions & kSticky) == 0) {
      return fmt::format("every user may write to {} (SWIGLU_TRUST_SHARED_CACHE=1 accepts that)", directory.string());
    }
  }
  return "";
}

std::string EntryDirectory::why_not_writable() const {
  if (std::string why = why_refused(); !why.empty()) {
    return why;
  }
  for (fs::path folder : {temporaries_, kernels_}) {
    int error = files_.may_write_directory(folder);
    while (error == ENOENT && folder.has_relative_path()) {  // then it is made in the nearest that exists
      folder = folder.parent_path();
      error = files_.may_write_directory(folder);
    }
    if (error != 0) {
      return fmt::format("nothing can be written to {} ({})", folder.string(), error_text(error));
    }
  }
  return "";
}

std::string EntryDirectory::why_file_refused(const FileStatus& status) const {
  std::string why = why_untrusted(status);
  if (why.empty() && status.size > kMaxEntryBytes) {
    why = fmt::format("its {} bytes are more than an entry may have", status.size);
  }
  return why;
}

std::string EntryDirectory::why_untrusted(const FileStatus& status) const {
  if (status.kind != FileStatus::Kind::regular) {
    return "it is no regular file";
  }
  if (!trust_shared_ && status.owner != files_.effective_user() && status.owner != 0) {
    return fmt::format("it belongs to user {} (SWIGLU_TRUST_SHARED_CACHE=1 accepts that)", status.owner);
  }
  if (!trust_shared_ && (status.permissions & (kGroupWritable | kOtherWritable)) != 0) {
    return "others may write to it (SWIGLU_TRUST_SHARED_CACHE=1 accepts that)";
  }
  return "";
}

ReadResult EntryDirectory::read(const fs::path& path, std::size_t at_most, bool used) const {
  if (const Pack* pack = lazy_pack().pack.get()) {
    return pack->read(name_in_pack(path), std::min<std::size_t>(at_most, kMaxEntryBytes + 1));
  }
  const auto accept = [this](const FileStatus& status) { return why_file_refused(status); };
  const auto touch = used && writable_ ? std::optional(kHour) : std::nullopt;
  ReadResult result = read_file(files_, path, at_most, accept, touch);
  if (result.error == ESTALE) {
    result = read_file(files_, path, at_most, accept, touch);
  }
  return result;
}

PublishResult EntryDirectory::publish_entry(std::string_view name, std::span<const std::byte> bytes) const {
  return publish_file(path_of(name), bytes);
}

PublishResult EntryDirectory::publish_file(const fs::path& path, std::span<const std::byte> bytes) const {
  if (bytes.size() > kMaxEntryBytes) {
    return {EFBIG, "size"};  // no reader would take it
  }
  const auto attempt = [&]() -> PublishResult {
    for (const fs::path& directory : {temporaries_, path.parent_path()}) {
      if (const int error = make_directories(files_, directory, mode(0700, 0777)); error != 0) {
        return {error, "mkdir"};
      }
    }
    return publish(files_, path, temporaries_, bytes, mode(0600, 0666));
  };
  PublishResult result = attempt();
  if (result.error == ENOENT || result.error == ESTALE) {
    result = attempt();
  }
  return result;
}

bool EntryDirectory::remove_if_unchanged(const fs::path& path, const FileStatus& seen) const {
  FileStatus now;
  return writable_ && files_.link_status(path, now) == 0 && identity(now) == identity(seen) && files_.remove(path) == 0;
}

bool EntryDirectory::remove(const fs::path& path) const { return writable_ && files_.remove(path) == 0; }

bool EntryDirectory::remove_link(const fs::path& path) const {
  FileStatus now;
  return files_.link_status(path, now) == 0 && now.kind == FileStatus::Kind::other && remove(path);
}

std::vector<std::string> EntryDirectory::list(const fs::path& folder) const {
  if (const Pack* pack = lazy_pack().pack.get()) {
    return pack->list(name_in_pack(folder));
  }
  std::vector<std::string> names;
  files_.list(folder, names);
  return names;
}

std::vector<EntryDirectory::Entry> EntryDirectory::entries() const {
  std::vector<Entry> found;
  for (const std::string& shard : list(kernels_)) {
    if (shard.size() != 2 || !is_hex(shard)) {
      continue;
    }
    for (const std::string& name : list(kernels_ / shard)) {
      Entry entry{kernels_ / shard / name, {}};
      if (is_entry_name(name) && status_of(entry.path, entry.status) == 0) {
        found.push_back(std::move(entry));
      }
    }
  }
  return found;
}

int EntryDirectory::status_of(const fs::path& path, FileStatus& status) const {
  if (const Pack* pack = lazy_pack().pack.get()) {
    const ReadResult read = pack->read(name_in_pack(path), 0);
    status = read.status;
    return read.error;
  }
  return files_.link_status(path, status);
}

EntryDirectory::Evicted EntryDirectory::evict(std::uint64_t max_bytes, const fs::path& keep) const {
  if (!writable_) {
    return {};
  }
  std::vector<Entry> all = entries();
  Evicted result;
  for (const Entry& entry : all) {
    result.remaining_bytes += entry.status.size;
  }
  std::stable_sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) {
    return a.status.accessed_nanoseconds < b.status.accessed_nanoseconds;
  });
  for (const Entry& entry : all) {
    if (result.remaining_bytes <= max_bytes && max_bytes != 0) {  // 0: empty files as well
      break;
    }
    if (entry.path == keep) {
      continue;
    }
    // Somebody may have used, replaced or removed it since the walk: the first two save it, the last did our work.
    FileStatus now;
    int error = files_.link_status(entry.path, now);
    if (error == 0 &&
        (identity(now) != identity(entry.status) || now.accessed_nanoseconds != entry.status.accessed_nanoseconds)) {
      continue;
    }
    error = error == 0 ? files_.remove(entry.path) : error;
    if (error == 0 || error == ENOENT) {
      result.remaining_bytes -= entry.status.size;
      result.removed_bytes += error == 0 ? entry.status.size : 0;
    }
  }
  return result;
}

void EntryDirectory::sweep_temporaries() const {
  std::vector<std::string> names;
  files_.list(temporaries_, names);
  for (const std::string& name : names) {
    FileStatus status;
    const fs::path path = temporaries_ / name;
    if (files_.link_status(path, status) == 0 && status.kind == FileStatus::Kind::regular &&
        files_.now_nanoseconds() - status.modified_nanoseconds > kHour) {
      remove_if_unchanged(path, status);
    }
  }
}

}  // namespace swiglu
