// Where this library (or the program it is linked into) lies, and the data installed with it: found from the loaded
// code, so that an installation may be moved as a whole. Thread-safe, no state.
#pragma once

#include <filesystem>
#include <optional>

namespace swiglu {

// The directory of the shared library or program that holds this code, symbolic links resolved.
std::optional<std::filesystem::path> library_directory();

// The installed copy of cache/ (kernel entries and tuning records that ship), if there is one.
std::optional<std::filesystem::path> installed_cache_directory();

}  // namespace swiglu
