// NVRTC as a typed table, loaded at run time; its header serves for types alone. Also the owner of a program.
#pragma once

#include <nvrtc.h>

#include <filesystem>
#include <string>
#include <vector>

namespace swiglu {

inline constexpr int kMinimumNvrtcVersion = 12080;

// X(member, function)
#define SWIGLU_NVRTC_FUNCTIONS(X)                    \
  X(version_of, nvrtcVersion)                        \
  X(supported_arch_count, nvrtcGetNumSupportedArchs) \
  X(supported_archs, nvrtcGetSupportedArchs)         \
  X(error_string, nvrtcGetErrorString)               \
  X(create_program, nvrtcCreateProgram)              \
  X(destroy_program, nvrtcDestroyProgram)            \
  X(compile_program, nvrtcCompileProgram)            \
  X(log_size, nvrtcGetProgramLogSize)                \
  X(log, nvrtcGetProgramLog)                         \
  X(cubin_size, nvrtcGetCUBINSize)                   \
  X(cubin, nvrtcGetCUBIN)

struct NvrtcTable {
#define SWIGLU_DECLARE(member, function) decltype(&::function) member = nullptr;  // NOLINT: no parentheses fit here
  SWIGLU_NVRTC_FUNCTIONS(SWIGLU_DECLARE)
#undef SWIGLU_DECLARE
  int version = 0;         // 13000 = 13.0
  std::vector<int> archs;  // 75, 80, ...: without suffixes
  std::filesystem::path path;
};

// Loads this file. Throws Error{NO_COMPILER} saying why it will not do: not loadable, a function missing, too old.
NvrtcTable load_nvrtc(const std::filesystem::path& library);

// A program for the time of one compile.
class NvrtcProgram {
 public:
  struct Header {
    const char* name;
    const char* text;
  };
  // Throws Error{OUT_OF_MEMORY} or Error{INTERNAL}.
  NvrtcProgram(const NvrtcTable& table, const std::string& source, const char* name,
               const std::vector<Header>& headers);
  ~NvrtcProgram();
  NvrtcProgram(const NvrtcProgram&) = delete;
  NvrtcProgram& operator=(const NvrtcProgram&) = delete;

  nvrtcResult compile(const std::vector<std::string>& options);
  std::string log() const;
  std::vector<std::byte> cubin() const;  // empty where there is none: NVRTC calls that a success

 private:
  const NvrtcTable& table_;
  nvrtcProgram program_ = nullptr;
};

}  // namespace swiglu
