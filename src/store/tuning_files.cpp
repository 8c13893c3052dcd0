#include "store/tuning_files.h"

#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "base/digest.h"
#include "base/spelling.h"

namespace swiglu {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFolderDigits = 16;

}  // namespace

std::string folder_name(const TuningEnvironment& environment) {
  return hex(digest(fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n", environment.gpu, environment.compute_capability,
                                environment.multiprocessors, environment.generator, environment.compiler,
                                environment.policy)))
      .substr(0, kFolderDigits);
}

std::string file_name(const TuningRecord& record) {
  return hex(digest(fmt::format("{}\n{}\n{}\n", print(record.config.problem), record.first_m, record.last_m))) +
         ".json";
}

fs::path folder_of(const EntryDirectory& directory, const std::string& name) {
  return directory.part(kTuningPart) / name;
}

std::vector<std::string> folders(const EntryDirectory& directory) {
  std::vector<std::string> names = directory.list(directory.part(kTuningPart));
  std::erase_if(names, [](const std::string& name) { return name.size() != kFolderDigits || !is_hex(name); });
  return names;
}

TuningFile read_text(const EntryDirectory& directory, const fs::path& path, std::size_t at_most) {
  const ReadResult file = directory.read(path, at_most + 1, false);
  TuningFile result;
  if (file.error == ENOENT || file.error == ENOTDIR) {
    return result;
  }
  result.exists = true;
  if (file.error != 0) {
    result.error = file.error == ELOOP ? 0 : file.error;
    result.problem = file.error == ELOOP ? "it is a symbolic link" : error_text(file.error);
  } else if (!file.refused.empty()) {
    result.problem = file.refused;
  } else if (file.bytes.size() > at_most) {
    result.problem = fmt::format("it is larger than the {} bytes it may have", at_most);
  } else {
    result.text.assign(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());  // NOLINT
  }
  return result;
}

TuningFile read_record(const EntryDirectory& directory, const fs::path& path) {
  TuningFile result = read_text(directory, path, kMaxTuningFileBytes);
  if (result.exists && result.problem.empty()) {
    DecodedEntry decoded = decode_tuning_entry(result.text);
    result.problem = std::move(decoded.why_not);
    if (decoded.entry) {
      result.entries.push_back(std::move(*decoded.entry));
    }
  }
  return result;
}

TuningFile read_document(const EntryDirectory& directory, const fs::path& path) {
  TuningFile result = read_text(directory, path, kMaxTuningDocumentBytes);
  if (result.exists && result.problem.empty()) {
    DecodedDocument decoded = decode_document(result.text);
    result.entries = std::move(decoded.entries);
    result.problem = std::move(decoded.why_not);
  }
  return result;
}

}  // namespace swiglu
