// dladdr() on a function of our own. The build may say how the data directory lies to the library's.
#include "base/location.h"

#include <dlfcn.h>

#include <system_error>

#ifndef SWIGLU_DATA_FROM_LIBRARY
#define SWIGLU_DATA_FROM_LIBRARY "../share/swiglu"
#endif

namespace swiglu {

namespace fs = std::filesystem;

std::optional<fs::path> library_directory() {
  Dl_info info{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): dladdr() takes code addresses as data pointers
  if (::dladdr(reinterpret_cast<const void*>(&library_directory), &info) == 0 || info.dli_fname == nullptr) {
    return std::nullopt;
  }
  std::error_code error;
  const fs::path file = fs::canonical(info.dli_fname, error);
  return error ? std::nullopt : std::optional<fs::path>(file.parent_path());
}

std::optional<fs::path> installed_cache_directory() {
  const auto library = library_directory();
  if (!library) {
    return std::nullopt;
  }
  const fs::path directory = (*library / SWIGLU_DATA_FROM_LIBRARY / "cache").lexically_normal();
  std::error_code error;
  return fs::is_directory(directory, error) ? std::optional<fs::path>(directory) : std::nullopt;
}

}  // namespace swiglu
