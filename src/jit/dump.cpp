#include "jit/dump.h"

#include <fstream>
#include <string_view>
#include <system_error>

#include "base/digest.h"
#include "base/log.h"

namespace swiglu {
namespace {

bool write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return !file.fail();
}

}  // namespace

void dump_compile(const std::filesystem::path& directory, const CompileRequest& request, const CompileResult& result) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const std::filesystem::path stem = directory / fmt::format("{}_{}", hex(digest(request.source)), request.arch);
  const auto with = [&](const char* extension) { return std::filesystem::path(stem.string() + extension); };
  bool written = write(with(".cu"), request.source) && write(with(".log"), result.log);
  if (!result.cubin.empty()) {
    const std::string_view cubin(reinterpret_cast<const char*>(result.cubin.data()), result.cubin.size());
    written = write(with(".cubin"), cubin) && written;
  }
  if (!written) {
    log().warn("SWIGLU_DUMP_DIR: {} could not be written", stem.string());
  }
}

}  // namespace swiglu
