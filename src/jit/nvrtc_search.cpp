#include "jit/nvrtc_search.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <system_error>

#include "base/digest.h"
#include "base/location.h"
#include "jit/loader_path.h"

#include <fmt/core.h>

namespace swiglu {
namespace {

constexpr const char* kNames[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};  // newest first

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "NVRTC exists for x86-64 and aarch64"
#endif

template <typename T>
bool read_at(std::ifstream& file, std::uint64_t offset, T& value) {
  file.seekg(static_cast<std::streamoff>(offset));
  return static_cast<bool>(file.read(reinterpret_cast<char*>(&value), sizeof value));
}

bool read_elf_header(std::ifstream& file, Elf64_Ehdr& header) {
  return file && read_at(file, 0, header) && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_type == ET_DYN && header.e_machine == kMachine;
}

bool is_shared_library(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return false;
  }
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  return read_elf_header(file, header);
}

// Notes are padded to 4 bytes, also where a segment claims an alignment of 8 (as NVRTC 12.8's does).
std::optional<std::string> build_id_of_notes(std::string_view notes) {
  const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note{};
    std::memcpy(&note, notes.data(), sizeof note);
    notes.remove_prefix(sizeof note);
    const std::size_t name_bytes = padded(note.n_namesz);
    if (name_bytes > notes.size() || note.n_descsz > notes.size() - name_bytes) {
      return std::nullopt;
    }
    if (note.n_type == NT_GNU_BUILD_ID && notes.substr(0, note.n_namesz) == std::string_view("GNU\0", 4)) {
      std::string text;
      for (const char byte : notes.substr(name_bytes, note.n_descsz)) {
        text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      }
      return text;
    }
    notes.remove_prefix(std::min(notes.size(), name_bytes + padded(note.n_descsz)));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> elf_build_id(const std::filesystem::path& library) {
  constexpr std::uint64_t kMaxNoteBytes = 1 << 16;
  std::ifstream file(library, std::ios::binary);
  Elf64_Ehdr header{};
  if (!read_elf_header(file, header) || header.e_phentsize != sizeof(Elf64_Phdr)) {
    return std::nullopt;
  }
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!read_at(file, header.e_phoff + i * sizeof segment, segment)) {
      return std::nullopt;
    }
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMaxNoteBytes) {
      continue;
    }
    std::string notes(segment.p_filesz, '\0');
    file.seekg(static_cast<std::streamoff>(segment.p_offset));
    if (!file.read(notes.data(), static_cast<std::streamsize>(notes.size()))) {
      return std::nullopt;
    }
    if (auto id = build_id_of_notes(notes)) {
      return id;
    }
  }
  return std::nullopt;
}

std::string library_build(const std::filesystem::path& library) {
  if (const auto id = elf_build_id(library)) {
    return *id;
  }
  std::ifstream file(library, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return bytes.empty() ? "" : "contents:" + hex(digest(bytes));
}

NvrtcSearch search_nvrtc(const Settings& settings) {
  NvrtcSearch search;
  const auto add = [&](const std::filesystem::path& path) {
    if (is_shared_library(path) && std::find(search.found.begin(), search.found.end(), path) == search.found.end()) {
      search.found.push_back(path);
    }
  };
  if (settings.nvrtc_library) {
    search.tried = fmt::format("{} (SWIGLU_NVRTC_LIBRARY)", settings.nvrtc_library->string());
    add(*settings.nvrtc_library);
    if (!settings.nvrtc_library->has_parent_path()) {  // a bare name is the loader's to find
      for (const auto& path : loader_candidates(settings.nvrtc_library->string())) {
        add(path);
      }
    }
    return search;
  }
  for (const auto& path : loaded_libraries("libnvrtc.so")) {
    add(path);
  }
  std::vector<std::filesystem::path> directories;
  for (const auto& home : {settings.cuda_home, std::optional<std::filesystem::path>("/usr/local/cuda")}) {
    if (home) {
      for (const char* folder : {"lib64", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"}) {
        directories.push_back(*home / folder);
      }
    }
  }
  if (const auto own = library_directory()) {
    directories.push_back(*own);
  }
  for (const char* name : kNames) {
    for (const auto& path : loader_candidates(name)) {
      add(path);
    }
  }
  search.tried = "libnvrtc.so.13, libnvrtc.so.12 and libnvrtc.so on the loader's path (LD_LIBRARY_PATH, ld.so.conf)";
  for (const auto& directory : directories) {
    for (const char* name : kNames) {
      add(directory / name);
    }
    search.tried += ", in " + directory.string();
  }
  return search;
}

}  // namespace swiglu
