// Finding NVRTC without loading it: build ids from ELF notes, the loader's cache, and the order of places.
#include <doctest/doctest.h>

#include "jit/nvrtc_search.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "jit/loader_path.h"
#include "support/scratch_directory.h"

namespace swiglu {
namespace {

template <typename T>
std::string bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// A shared library of this machine as far as its headers tell, with one note segment.
std::string elf_with_notes(const std::string& notes) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_type = ET_DYN;
#if defined(__x86_64__)
  header.e_machine = EM_X86_64;
#else
  header.e_machine = EM_AARCH64;
#endif
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = notes.size();
  segment.p_align = 8;  // as NVRTC 12.8 says, of a note padded to 4
  return bytes_of(header) + bytes_of(segment) + notes;
}

std::string note(std::uint32_t type, const std::string& name, const std::string& description) {
  const Elf64_Nhdr header{static_cast<Elf64_Word>(name.size()), static_cast<Elf64_Word>(description.size()), type};
  const auto padded = [](std::string text) {
    text.resize((text.size() + 3) / 4 * 4);
    return text;
  };
  return bytes_of(header) + padded(name) + padded(description);
}

std::filesystem::path write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

const std::string kGnu("GNU", 4);

TEST_CASE("elf_build_id reads the GNU note among others") {
  const test::ScratchDirectory scratch;
  const auto path = scratch.path() / "library.so";
  write(path, elf_with_notes(note(1, kGnu, "abcde") + note(NT_GNU_BUILD_ID, kGnu, "\x65\xbe\x0d")));
  CHECK(elf_build_id(path) == "65be0d");
  CHECK(library_build(path) == "65be0d");
}

TEST_CASE("without a note the contents identify a library") {
  const test::ScratchDirectory scratch;
  const auto a = write(scratch.path() / "a.so", elf_with_notes(note(1, kGnu, "abcd")));
  const auto b = write(scratch.path() / "b.so", elf_with_notes(note(1, kGnu, "abce")));
  CHECK_FALSE(elf_build_id(a).has_value());
  CHECK(library_build(a).starts_with("contents:"));
  CHECK(library_build(a) != library_build(b));
  CHECK(library_build(scratch.path() / "none.so").empty());
}

TEST_CASE("damaged ELF files have no build id and are not read beyond their end") {
  const test::ScratchDirectory scratch;
  const std::string sound = elf_with_notes(note(NT_GNU_BUILD_ID, kGnu, "0123456789"));
  for (std::size_t length = 0; length < sound.size(); ++length) {
    CHECK_FALSE(elf_build_id(write(scratch.path() / "cut.so", sound.substr(0, length))).has_value());
  }
  std::string huge_name = sound;
  const std::uint32_t huge = 0xfffffff0U;
  std::memcpy(huge_name.data() + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), &huge, sizeof huge);
  CHECK_FALSE(elf_build_id(write(scratch.path() / "huge.so", huge_name)).has_value());
  CHECK_FALSE(elf_build_id(scratch.path()).has_value());
}

TEST_CASE("the loader's cache") {
  struct Entry {
    std::int32_t flags;
    std::uint32_t name;
    std::uint32_t path;
    std::uint32_t version;
    std::uint64_t hardware;
  };
  constexpr char kStringTable[] = "libone.so.1\0/usr/lib/libone.so.1\0libtwo.so\0/opt/libtwo.so";
  const std::string strings(kStringTable, sizeof kStringTable);
  const auto make = [&](std::uint32_t count, std::uint32_t name, std::uint32_t path) {
    std::string bytes = "glibc-ld.so.cache1.1";
    bytes += bytes_of(count) + bytes_of(static_cast<std::uint32_t>(strings.size())) + std::string(20, '\0');
    bytes += bytes_of(Entry{3, name, path, 0, 0});
    return bytes + strings;
  };
  constexpr std::uint32_t kStrings = 48 + 24;
  const std::string sound = make(1, kStrings, kStrings + 12);
  REQUIRE(read_loader_cache(sound, "libone.so.1").size() == 1);
  CHECK(read_loader_cache(sound, "libone.so.1")[0] == "/usr/lib/libone.so.1");
  CHECK(read_loader_cache("old table in front" + sound, "libone.so.1").size() == 1);
  CHECK(read_loader_cache(sound, "libone.so").empty());
  CHECK(read_loader_cache(make(100, kStrings, kStrings + 12), "libone.so.1").empty());
  CHECK(read_loader_cache(make(1, 0xffffff00U, kStrings), "libone.so.1").empty());
  CHECK(read_loader_cache("glibc-ld.so.cache1.1", "libone.so.1").empty());
  CHECK(read_loader_cache("", "libone.so.1").empty());
}

TEST_CASE("loader_candidates finds what dlopen would") {
  CHECK_FALSE(loader_candidates("libc.so.6").empty());
  CHECK(loader_candidates("libthere_is_no_such.so.9").empty());
  CHECK_FALSE(loaded_libraries("libc.so").empty());
  CHECK(loaded_libraries("libthere_is_no_such").empty());
}

TEST_CASE("SWIGLU_NVRTC_LIBRARY alone is looked at where it is set") {
  const test::ScratchDirectory scratch;
  Settings settings{};
  settings.nvrtc_library = scratch.path() / "libnvrtc.so.13";
  CHECK(search_nvrtc(settings).found.empty());
  CHECK(search_nvrtc(settings).tried.find(settings.nvrtc_library->string()) != std::string::npos);
  write(*settings.nvrtc_library, "no ELF file at all, but long enough to hold a header of one, if it were only one.");
  CHECK(search_nvrtc(settings).found.empty());
  write(*settings.nvrtc_library, elf_with_notes(""));
  REQUIRE(search_nvrtc(settings).found.size() == 1);
  settings.nvrtc_library = "libc.so.6";  // a bare name is the loader's to find
  CHECK_FALSE(search_nvrtc(settings).found.empty());
}

TEST_CASE("the toolkit's folders are searched, newest name first") {
  const test::ScratchDirectory scratch;
  std::filesystem::create_directories(scratch.path() / "lib64");
  write(scratch.path() / "lib64/libnvrtc.so.12", elf_with_notes(""));
  write(scratch.path() / "lib64/libnvrtc.so.13", elf_with_notes(""));
  Settings settings{};
  settings.cuda_home = scratch.path();
  const NvrtcSearch search = search_nvrtc(settings);
  const auto at = [&](const char* name) {
    for (std::size_t i = 0; i < search.found.size(); ++i) {
      if (search.found[i] == scratch.path() / "lib64" / name) {
        return static_cast<int>(i);
      }
    }
    return -1;
  };
  REQUIRE(at("libnvrtc.so.13") >= 0);
  CHECK(at("libnvrtc.so.12") > at("libnvrtc.so.13"));
  CHECK(search.tried.find(scratch.path().string()) != std::string::npos);
}

}  // namespace
}  // namespace swiglu
