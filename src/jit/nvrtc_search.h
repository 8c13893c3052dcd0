// Where NVRTC is, and which build it is, without loading it: loading relocates 100 MB of library and costs more than
// all else on the way from a warm kernel store to a launch. A library found here is loaded by its full path, so what
// was identified is what compiles. Thread-safe, no state.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/settings.h"

namespace swiglu {

struct NvrtcSearch {
  std::vector<std::filesystem::path> found;  // in order of preference: ELF files of this machine, not loaded yet
  std::string tried;                         // what was looked for and where, for a message
};

// SWIGLU_NVRTC_LIBRARY alone where it is set; else what the process has loaded already, the loader's search path, the
// toolkit (CUDA_HOME, /usr/local/cuda), this library's own directory.
NvrtcSearch search_nvrtc(const Settings&);

// The file's GNU build id in hex, or a digest of its contents where it has none; "" where it cannot be read.
std::string library_build(const std::filesystem::path& library);

// The GNU build id in hex of the bytes of an ELF file; nothing for one without, or for what is no sound ELF file.
std::optional<std::string> elf_build_id(const std::filesystem::path& library);

}  // namespace swiglu
