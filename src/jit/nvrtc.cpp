#include "jit/nvrtc.h"

#include <dlfcn.h>

#include "base/error.h"

namespace swiglu {

NvrtcTable load_nvrtc(const std::filesystem::path& library) {
  void* const handle = dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL);  // never closed: NVRTC keeps threads and state
  if (handle == nullptr) {
    const char* reason = dlerror();
    fail(SWIGLU_NO_COMPILER, "{} could not be loaded ({})", library.string(),
         reason != nullptr ? reason : "no reason given");
  }
  NvrtcTable table;
  table.path = library;
#define SWIGLU_LOAD(member, function)                                                          \
  table.member = reinterpret_cast<decltype(table.member)>(dlsym(handle, #function));           \
  if (table.member == nullptr) {                                                               \
    fail(SWIGLU_NO_COMPILER, "{} is no usable NVRTC: it has no " #function, library.string()); \
  }
  SWIGLU_NVRTC_FUNCTIONS(SWIGLU_LOAD)
#undef SWIGLU_LOAD
  int major = 0;
  int minor = 0;
  int count = 0;
  if (table.version_of(&major, &minor) != NVRTC_SUCCESS || table.supported_arch_count(&count) != NVRTC_SUCCESS ||
      count < 1) {
    fail(SWIGLU_NO_COMPILER, "{} is no usable NVRTC: it does not tell its version and architectures", library.string());
  }
  table.version = 1000 * major + 10 * minor;
  if (table.version < kMinimumNvrtcVersion) {
    fail(SWIGLU_NO_COMPILER, "{} is NVRTC {}.{}, and 12.8 or later is needed", library.string(), major, minor);
  }
  table.archs.resize(static_cast<std::size_t>(count));
  table.supported_archs(table.archs.data());
  return table;
}

NvrtcProgram::NvrtcProgram(const NvrtcTable& table, const std::string& source, const char* name,
                           const std::vector<Header>& headers)
    : table_(table) {
  std::vector<const char*> names;
  std::vector<const char*> texts;
  for (const Header& header : headers) {
    names.push_back(header.name);
    texts.push_back(header.text);
  }
  const nvrtcResult result = table_.create_program(&program_, source.c_str(), name, static_cast<int>(headers.size()),
                                                   texts.data(), names.data());
  if (result != NVRTC_SUCCESS) {
    fail(result == NVRTC_ERROR_OUT_OF_MEMORY ? SWIGLU_OUT_OF_MEMORY : SWIGLU_INTERNAL,
         "NVRTC could not take in a kernel's source: {}", table_.error_string(result));
  }
}

NvrtcProgram::~NvrtcProgram() { table_.destroy_program(&program_); }

nvrtcResult NvrtcProgram::compile(const std::vector<std::string>& options) {
  std::vector<const char*> arguments;
  arguments.reserve(options.size());
  for (const std::string& option : options) {
    arguments.push_back(option.c_str());
  }
  return table_.compile_program(program_, static_cast<int>(arguments.size()), arguments.data());
}

std::string NvrtcProgram::log() const {
  std::size_t size = 0;
  if (table_.log_size(program_, &size) != NVRTC_SUCCESS || size <= 1) {
    return "";
  }
  std::string text(size, '\0');
  if (table_.log(program_, text.data()) != NVRTC_SUCCESS) {
    return "";
  }
  text.resize(text.find('\0'));  // the size counts the terminator
  return text;
}

std::vector<std::byte> NvrtcProgram::cubin() const {
  std::size_t size = 0;
  if (table_.cubin_size(program_, &size) != NVRTC_SUCCESS) {
    return {};
  }
  std::vector<std::byte> bytes(size);
  if (size == 0 || table_.cubin(program_, reinterpret_cast<char*>(bytes.data())) != NVRTC_SUCCESS) {
    return {};
  }
  return bytes;
}

}  // namespace swiglu
