// Links and variables: see untuned_stores.h.
#include "tools/bench/untuned_stores.h"

#include <stdlib.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <system_error>

#include "tools/bench/run_again.h"
#include "tools/library.h"

namespace swiglu::tool {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVersion = "v1";
constexpr const char* kRecords = "tuned";
constexpr const char* kParts[] = {"kernels", "compilers", "tmp"};  // that a writable store gets

// As the library makes its folders: the user's own.
void make_private(const fs::path& folder) {
  std::error_code error;  // a store that cannot be written is no failure: the library will say so
  if (fs::create_directories(folder, error)) {
    fs::permissions(folder, fs::perms::owner_all, error);
  }
}

void set_variable(const char* name, const std::string& value) {
  if (setenv(name, value.c_str(), 1) != 0) {
    throw Failure(std::string("could not set ") + name + ": " + std::strerror(errno));
  }
}

}  // namespace

void shadow_store(const fs::path& store, const fs::path& shadow, bool writable) {
  make_private(shadow);
  make_private(shadow / kVersion);
  if (writable) {
    make_private(store);
    make_private(store / kVersion);
    for (const char* part : kParts) {
      make_private(store / kVersion / part);
    }
  }
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(store / kVersion, error)) {
    if (entry.path().filename() != kRecords) {
      fs::create_symlink(entry.path(), shadow / kVersion / entry.path().filename());
    }
  }
}

std::string user_store() {
  const Json json = Json::parse(output_of({"cache", "where", "--json"}), nullptr, false);
  return json.is_object() ? json.value("directory", "") : "";
}

UntunedStores::Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "swiglu_untuned_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw Failure("could not make a folder like " + name + ": " + std::strerror(errno));
  }
  path = name;
}

UntunedStores::Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

UntunedStores::UntunedStores(const std::string& user_store) {
  hide_search_path();
  hide_user_store(user_store);
}

void UntunedStores::hide_user_store(const std::string& store) {
  if (store.empty()) {
    return;
  }
  const fs::path shadow = folder_.path / "user";
  shadow_store(store, shadow, true);
  set_variable("SWIGLU_CACHE_DIR", shadow.string());
  if (text(swiglu_cache_directory) != shadow.string()) {
    throw Failure("tuning records could not be hidden: the library had read its environment already");
  }
}

void UntunedStores::hide_search_path() {
  const char* paths = std::getenv("SWIGLU_CACHE_PATH");
  std::istringstream all(paths != nullptr ? paths : "");
  std::string shadows;
  int count = 0;
  for (std::string path; std::getline(all, path, ':');) {
    if (!fs::path(path).is_absolute()) {
      continue;  // nor does the library use it
    }
    std::error_code error;
    if (fs::is_directory(path, error)) {
      const fs::path shadow = folder_.path / std::to_string(count++);
      shadow_store(path, shadow, false);
      shadows += (shadows.empty() ? "" : ":") + shadow.string();
    } else {
      left_out_.push_back(path);
    }
  }
  if (paths != nullptr) {
    set_variable("SWIGLU_CACHE_PATH", shadows);
  }
}

}  // namespace swiglu::tool
