// The environment, read once (first use), as values. No other file calls getenv. README.md lists every variable.
// Thread-safe: settings() is immutable after its first call.
//
// A variable that is set but empty counts as unset. Directories must be absolute paths: a relative one would mean
// another place after the next chdir(). A bad value is a line in `warnings` and the default is taken; nothing here
// throws.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace swiglu {

struct Settings {
  // SWIGLU_CACHE_DIR > XDG_CACHE_HOME/swiglu (ignored if relative) > HOME/.cache/swiglu > the password entry's home;
  // none: memory only
  std::optional<std::filesystem::path> cache_directory;
  std::string cache_directory_reason;             // which of those, or why there is none
  std::vector<std::filesystem::path> cache_path;  // SWIGLU_CACHE_PATH: read-only directories, ':'-separated
  std::uint64_t cache_max_bytes;                  // SWIGLU_CACHE_MAX_BYTES: number, with K, M, G or T (1024); 1 GiB
  bool trust_shared_cache;                        // SWIGLU_TRUST_SHARED_CACHE=1: accept group-writable or foreign-owned
  bool disable_cache;                             // SWIGLU_DISABLE_CACHE=1: neither read nor write stores
  std::optional<std::filesystem::path> nvrtc_library;  // SWIGLU_NVRTC_LIBRARY: absolute, or a bare name for the loader
  std::optional<std::filesystem::path> cuda_library;   // SWIGLU_CUDA_LIBRARY: likewise
  std::optional<std::filesystem::path> cuda_home;      // CUDA_HOME, else CUDA_PATH: where to look for NVRTC
  std::optional<std::filesystem::path> template_directory;  // SWIGLU_TEMPLATE_DIR: kernel templates from disk
  std::optional<std::filesystem::path> dump_directory;  // SWIGLU_DUMP_DIR: generated sources, logs and cubins go there
  std::optional<swiglu_log_level> log_level;            // SWIGLU_LOG: debug, info, warning, error, off
  double tuning_seconds;            // SWIGLU_TUNING_SECONDS, 0 .. 3600: the most a measured choice may take, 0: none; 3
  int cpu_threads;                  // SWIGLU_CPU_THREADS, 1 .. 4096; default: hardware concurrency
  std::optional<std::string> tile;  // SWIGLU_TILE: force this tile where it is valid (debugging); parse_tile() reads it
  std::vector<std::string> warnings;  // what was wrong in the environment; tell_settings_warnings() tells them
};

const Settings& settings();

// The same from any environment, for tests. `lookup` returns nullptr for an unset variable; `passwd_home` the home
// directory of the effective user's password entry, empty if there is none.
std::string home_of_password_entry();
Settings read_settings(const char* (*lookup)(const char* name), std::string (*passwd_home)() = home_of_password_entry);

}  // namespace swiglu
