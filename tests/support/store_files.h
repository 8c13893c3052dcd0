// What tests of the kernel store do with its directory behind its back.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "store/kernel_store.h"
#include "support/kernel_entries.h"

namespace swiglu::test {

inline KernelStore::Options in(const std::filesystem::path& directory) {
  KernelStore::Options options;
  options.user_directory = directory;
  return options;
}

inline std::filesystem::path path_of(const std::filesystem::path& root, int number) {
  const std::string name = hex(digest(std::string_view(made_up_key(number))));
  return root / "v1" / "kernels" / name.substr(0, 2) / (name + ".swk");
}

inline void write_file(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

inline FileStatus status_of(const std::filesystem::path& path) {
  FileStatus status;
  system_files().link_status(path, status);
  return status;
}

}  // namespace swiglu::test
