#include "jit/loader_path.h"

#include <dlfcn.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

namespace swiglu {
namespace {

constexpr std::string_view kCacheMagic = "glibc-ld.so.cache1.1";

struct CacheHeader {
  char magic[20];
  std::uint32_t entries;
  std::uint32_t string_bytes;
  std::uint32_t unused[5];
};
static_assert(sizeof(CacheHeader) == 48);

struct CacheEntry {
  std::int32_t flags;
  std::uint32_t name;  // offsets from the header's start, to NUL-terminated text
  std::uint32_t path;
  std::uint32_t os_version;
  std::uint64_t hardware;
};
static_assert(sizeof(CacheEntry) == 24);

std::string_view text_at(std::string_view bytes, std::uint32_t offset) {
  const std::size_t end = bytes.find('\0', offset);
  return offset < bytes.size() && end != std::string_view::npos ? bytes.substr(offset, end - offset)
                                                                : std::string_view();
}

// Run paths, LD_LIBRARY_PATH and the system directories, as the loader tells.
std::vector<std::filesystem::path> loader_directories() {
  std::vector<std::filesystem::path> directories;
  void* const self = dlopen(nullptr, RTLD_LAZY);
  Dl_serinfo size{};
  if (self != nullptr && dlinfo(self, RTLD_DI_SERINFOSIZE, &size) == 0) {
    const auto buffer = std::make_unique<std::max_align_t[]>(size.dls_size / sizeof(std::max_align_t) + 1);
    auto* const info = reinterpret_cast<Dl_serinfo*>(buffer.get());
    *info = size;
    if (dlinfo(self, RTLD_DI_SERINFO, info) == 0) {
      for (unsigned i = 0; i < info->dls_cnt; ++i) {
        directories.emplace_back(info->dls_serpath[i].dls_name);
      }
    }
  }
  if (self != nullptr) {
    dlclose(self);
  }
  return directories;
}

bool is_system_directory(const std::filesystem::path& directory) {
  const std::string text = directory.string();
  return text.starts_with("/lib") || text.starts_with("/usr/lib");
}

}  // namespace

std::vector<std::filesystem::path> read_loader_cache(std::string_view bytes, std::string_view name) {
  std::vector<std::filesystem::path> paths;
  const std::size_t start = bytes.find(kCacheMagic);  // older systems write an older table in front of it
  if (start == std::string_view::npos || bytes.size() - start < sizeof(CacheHeader)) {
    return paths;
  }
  bytes.remove_prefix(start);
  CacheHeader header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  if ((bytes.size() - sizeof header) / sizeof(CacheEntry) < header.entries) {
    return paths;
  }
  for (std::uint32_t i = 0; i < header.entries; ++i) {
    CacheEntry entry{};
    std::memcpy(&entry, bytes.data() + sizeof header + i * sizeof entry, sizeof entry);
    if (text_at(bytes, entry.name) == name) {
      paths.emplace_back(text_at(bytes, entry.path));
    }
  }
  return paths;
}

std::vector<std::filesystem::path> loader_candidates(std::string_view name) {
  std::vector<std::filesystem::path> candidates;
  const auto add = [&](const std::filesystem::path& path) {
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) {
      candidates.push_back(path);
    }
  };
  const std::vector<std::filesystem::path> directories = loader_directories();
  const auto add_from_directories = [&](bool system) {
    for (const auto& directory : directories) {
      if (is_system_directory(directory) == system) {
        add(directory / name);
      }
    }
  };
  add_from_directories(false);
  std::ifstream file("/etc/ld.so.cache", std::ios::binary);
  const std::string cache{std::istreambuf_iterator<char>(file), {}};
  for (const auto& path : read_loader_cache(cache, name)) {
    add(path);
  }
  add_from_directories(true);
  return candidates;
}

std::vector<std::filesystem::path> loaded_libraries(std::string_view prefix) {
  struct Search {
    std::string_view prefix;
    std::vector<std::filesystem::path> paths;
  } search{prefix, {}};
  const auto visit = [](dl_phdr_info* info, std::size_t, void* data) -> int {
    auto& wanted = *static_cast<Search*>(data);
    const std::filesystem::path path = info->dlpi_name;
    if (path.filename().string().starts_with(wanted.prefix)) {
      wanted.paths.push_back(path);
    }
    return 0;
  };
  dl_iterate_phdr(visit, &search);
  return search.paths;
}

}  // namespace swiglu
