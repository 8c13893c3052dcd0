// Files of tuning records in one directory of the stores (its layout: store/tuning_store.h): where a record lies, and
// reading one file whole, with what is wrong with it. No state; thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "store/directory.h"
#include "store/tuning_record.h"

namespace swiglu {

inline constexpr const char* kTuningPart = "tuned";
inline constexpr const char* kTuningManifest = "environment.json";

// Digests, in hexadecimal, of the environment, and of problem and bucket.
std::string folder_name(const TuningEnvironment& environment);
std::string file_name(const TuningRecord& record);

std::filesystem::path folder_of(const EntryDirectory& directory, const std::string& name);
std::vector<std::string> folders(const EntryDirectory& directory);  // their names, sorted

// What one file holds; a missing one is empty and no problem.
struct TuningFile {
  bool exists = false;
  int error = 0;  // why it could not be read: no reason to take it for damaged
  std::string text;
  std::vector<TuningEntry> entries;
  std::string problem;
};
TuningFile read_text(const EntryDirectory& directory, const std::filesystem::path& path, std::size_t at_most);
TuningFile read_record(const EntryDirectory& directory,
                       const std::filesystem::path& path);  // one entry, if it is sound
TuningFile read_document(const EntryDirectory& directory, const std::filesystem::path& path);  // any number

}  // namespace swiglu
