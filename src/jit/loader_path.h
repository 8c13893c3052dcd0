// The dynamic loader's search path as files: what dlopen("name") would look at, without loading anything.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace swiglu {

// Existing files of this name, in the loader's order: run paths and LD_LIBRARY_PATH, /etc/ld.so.cache, system
// directories.
std::vector<std::filesystem::path> loader_candidates(std::string_view name);

// The files of libraries this process has loaded whose file names begin with `prefix`.
std::vector<std::filesystem::path> loaded_libraries(std::string_view prefix);

// Every path listed under `name` in an ld.so.cache file's bytes (format "glibc-ld.so.cache1.1"); none if damaged.
std::vector<std::filesystem::path> read_loader_cache(std::string_view bytes, std::string_view name);

}  // namespace swiglu
