// Which record of which directory counts, and writing them. Files of records: tuning_files.cpp.
#include "store/tuning_store.h"

#include <set>
#include <span>
#include <utility>

#include <fmt/core.h>

#include "base/error.h"
#include "store/tuning_files.h"

namespace swiglu {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

TuningStore::TuningStore(const SearchPath& path, FileSystem& files)
    : files_(files), directories_("tuning store", kTuningPart, path, files) {}

std::optional<TuningStore::Found> TuningStore::find(const TuningEnvironment& environment, const Problem& problem,
                                                    std::int64_t first_m, std::int64_t last_m, bool any_compiler,
                                                    const Suits& suits) {
  Wanted wanted{environment, {}, suits};
  wanted.key.config.problem = problem;
  wanted.key.first_m = first_m;
  wanted.key.last_m = last_m;
  for (const EntryDirectory& directory : directories_) {
    if (auto entry = find_in(directory, wanted, any_compiler)) {
      return Found{std::move(*entry), directory.writable() ? Origin::user : Origin::shared};
    }
  }
  return std::nullopt;
}

std::optional<TuningEntry> TuningStore::find_in(const EntryDirectory& directory, const Wanted& wanted,
                                                bool any_compiler) {
  if (!directories_.is_usable(directory)) {
    return std::nullopt;
  }
  const std::string own = folder_name(wanted.environment);
  const std::string name = file_name(wanted.key);
  if (auto found = find_record(directory, folder_of(directory, own) / name, wanted, true)) {
    return found;
  }
  if (any_compiler || !directory.writable() || wanted.environment.compiler.empty()) {
    for (const std::string& folder : folders(directory)) {
      if (auto found = folder == own ? std::nullopt
                                     : find_record(directory, folder_of(directory, folder) / name, wanted, false)) {
        return found;
      }
    }
  }
  return directory.writable() ? std::nullopt : find_shipped(directory, wanted);
}

std::optional<TuningEntry> TuningStore::find_record(const EntryDirectory& directory, const fs::path& path,
                                                    const Wanted& wanted, bool exact) {
  TuningFile read = read_record(directory, path);
  if (read.problem.empty() && read.exists) {
    const TuningEntry& entry = read.entries.front();
    if (!same_key(entry.record, wanted.key)) {
      read.problem = "it is of another problem than its name says";
    } else if (!is_like(entry.environment, wanted.environment) && !exact) {
      return std::nullopt;  // another GPU's
    } else if (exact && entry.environment != wanted.environment) {
      read.problem = "it is of another environment than its folder's: " + print(entry.environment);
    } else if (wanted.suits(entry.record)) {
      return entry;
    }
  }
  if (!read.problem.empty()) {
    directories_.warn_once("damaged", path,
                           fmt::format("the tuning record {} is ignored: {}", path.string(), read.problem));
  }
  return std::nullopt;
}

std::optional<TuningEntry> TuningStore::find_shipped(const EntryDirectory& directory, const Wanted& wanted) {
  std::optional<TuningEntry> best;
  for (const Document& document : documents(directory)) {
    DecodedDocument decoded = decode_problem(document.text, wanted.key.config.problem);
    if (!decoded.why_not.empty()) {
      directories_.warn_once(
          "damaged", document.path,
          fmt::format("the tuning records {} are ignored: {}", document.path.string(), decoded.why_not));
    }
    for (TuningEntry& entry : decoded.entries) {
      if (same_key(entry.record, wanted.key) && is_like(entry.environment, wanted.environment) &&
          (!best || entry.environment == wanted.environment) && wanted.suits(entry.record)) {
        best = std::move(entry);
      }
    }
  }
  return best;
}

const std::vector<TuningStore::Document>& TuningStore::documents(const EntryDirectory& directory) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = read_.find(directory.root()); found != read_.end()) {
      return *found->second;
    }
  }
  std::vector<Document> all;
  for (const std::string& name : directory.list(directory.root() / kTuningPart)) {
    if (name.ends_with(".json")) {
      fs::path path = directory.root() / kTuningPart / name;
      TuningFile found = read_text(directory, path, kMaxTuningDocumentBytes);
      if (!found.problem.empty()) {
        directories_.warn_once("damaged", path,
                               fmt::format("the tuning records {} are ignored: {}", path.string(), found.problem));
      } else {
        all.push_back({std::move(path), std::move(found.text)});
      }
    }
  }
  const std::lock_guard lock(mutex_);
  const auto [place, inserted] = read_.try_emplace(directory.root());
  if (inserted) {
    place->second = std::make_unique<const std::vector<Document>>(std::move(all));
  }
  return *place->second;
}

bool TuningStore::put(const TuningEntry& entry) {
  const EntryDirectory* directory = directories_.user();
  if (directory == nullptr || !directories_.is_usable(*directory)) {
    return false;
  }
  if (const std::string why = why_not_storable(entry); !why.empty()) {
    directories_.warn_once("not storable", {}, fmt::format("a tuning record is not stored: {}", why));
    return false;
  }
  if (!entry.record.finished) {
    const TuningFile known =
        read_record(*directory, folder_of(*directory, folder_name(entry.environment)) / file_name(entry.record));
    if (known.exists && known.problem.empty() && known.entries.front().record.finished) {
      return true;
    }
  }
  const PublishResult result = publish(*directory, entry);
  if (result.error != 0) {
    directories_.warn_once(
        error_text(result.error), directory->root(),
        fmt::format("cannot store tuning records in {} ({}: {}); this process remembers them, others do not",
                    directory->root().string(), result.step, error_text(result.error)));
  }
  return result.error == 0;
}

PublishResult TuningStore::publish(const EntryDirectory& directory, const TuningEntry& entry) {
  const fs::path folder = folder_of(directory, folder_name(entry.environment));
  const fs::path manifest = folder / kTuningManifest;
  FileStatus status;
  if (files_.link_status(manifest, status) != 0) {
    const PublishResult result = directory.publish_file(manifest, as_bytes(encode_manifest(entry.environment)));
    if (result.error != 0) {
      return result;
    }
  }
  return directory.publish_file(folder / file_name(entry.record), as_bytes(encode_entry(entry)));
}

TuningStore::ImportResult TuningStore::import(const std::vector<TuningEntry>& entries) {
  const EntryDirectory* user = directories_.user();
  if (user == nullptr) {
    fail(SWIGLU_IO_ERROR, "there is no directory of the user's to import tuning records into: set SWIGLU_CACHE_DIR");
  }
  const EntryDirectory& directory = *user;
  if (const std::string why = directory.why_refused(kTuningPart); !why.empty()) {
    fail(SWIGLU_IO_ERROR, "tuning records cannot be imported into {}: {}", directory.root().string(), why);
  }
  const auto path_of = [&](const TuningEntry& entry) {
    return folder_of(directory, folder_name(entry.environment)) / file_name(entry.record);
  };
  ImportResult result;
  std::vector<const TuningEntry*> missing;
  for (const TuningEntry& entry : entries) {
    const TuningFile known = read_record(directory, path_of(entry));
    if (known.error != 0) {
      fail(SWIGLU_IO_ERROR, "{} cannot be read ({}); no tuning records were imported", path_of(entry).string(),
           known.problem);
    }
    if (known.exists && known.problem.empty()) {
      ++result.known;
    } else {
      missing.push_back(&entry);
    }
  }
  for (const TuningEntry* entry : missing) {
    const PublishResult published = publish(directory, *entry);
    if (published.error != 0) {
      for (std::size_t i = 0; i < result.added; ++i) {
        directory.remove(path_of(*missing[i]));
      }
      fail(SWIGLU_IO_ERROR, "cannot store tuning records in {} ({}: {}); none were imported", directory.root().string(),
           published.step, error_text(published.error));
    }
    ++result.added;
  }
  return result;
}

std::size_t TuningStore::pack(PackWriter& writer) {
  const EntryDirectory* directory = directories_.user();
  if (directory == nullptr || !directories_.is_usable(*directory)) {
    return 0;
  }
  std::size_t count = 0;
  std::set<std::string> folders_in_it;
  for (const Listed& listed : list()) {
    if (!listed.writable || !listed.problem.empty()) {
      continue;
    }
    const std::string folder = listed.path.parent_path().lexically_relative(directory->root()).generic_string();
    const TuningEntry& entry = listed.entries.front();
    if (folders_in_it.insert(folder).second) {
      writer.add(folder + "/" + kTuningManifest, as_bytes(encode_manifest(entry.environment)));
    }
    writer.add(folder + "/" + listed.path.filename().string(), as_bytes(encode_entry(entry)));
    ++count;
  }
  return count;
}

std::vector<TuningStore::Listed> TuningStore::list() {
  std::vector<Listed> listed;
  const auto add = [&](const EntryDirectory& directory, const fs::path& path, bool document) {
    TuningFile found = document ? read_document(directory, path) : read_record(directory, path);
    listed.push_back({path, directory.writable(), std::move(found.entries), std::move(found.problem)});
  };
  for (const EntryDirectory& directory : directories_) {
    if (const std::string why = directory.why_refused(kTuningPart); !why.empty()) {
      listed.push_back({directory.root(), directory.writable(), {}, why});
      continue;
    }
    for (const std::string& folder : folders(directory)) {
      for (const std::string& name : directory.list(folder_of(directory, folder))) {
        if (name != kTuningManifest && name.ends_with(".json")) {
          add(directory, folder_of(directory, folder) / name, false);
          const auto& last = listed.back();
          if (last.problem.empty() && (folder_name(last.entries.front().environment) != folder ||
                                       file_name(last.entries.front().record) != name)) {
            listed.back().problem = "it is of another problem or environment than its name says";
          }
        }
      }
    }
    for (const std::string& name : directory.list(directory.root() / kTuningPart)) {
      if (!directory.writable() && name.ends_with(".json")) {
        add(directory, directory.root() / kTuningPart / name, true);
      }
    }
  }
  return listed;
}

}  // namespace swiglu
