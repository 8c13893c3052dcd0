#include "jit/compiler.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "jit/dump.h"
#include "jit/nvrtc.h"
#include "jit/nvrtc_search.h"
#include "jit/ptxas_log.h"
#include "jit/templates.h"

namespace swiglu {
namespace {

constexpr int kFirstVersionWithCache = 12090;  // its own, in the driver's cache folder; older ones refuse --no-cache
constexpr std::size_t kLogTailBytes = 3000;    // what an error message holds of a log
constexpr const char* kHowToGet =
    "Install the CUDA Toolkit 12.8 or later or its NVRTC package, or name the library in SWIGLU_NVRTC_LIBRARY";

std::string text_list(const std::vector<int>& values) {
  std::string text;
  for (const int value : values) {
    text += (text.empty() ? "sm_" : ", sm_") + std::to_string(value);
  }
  return text;
}

// The number in "sm_90a"; 0 for what is no such name.
int arch_number(std::string_view arch) {
  int number = 0;
  if (!arch.starts_with("sm_")) {
    return 0;
  }
  arch.remove_prefix(3);
  const auto [end, error] = std::from_chars(arch.data(), arch.data() + arch.size(), number);
  const std::string_view suffix(end, static_cast<std::size_t>(arch.data() + arch.size() - end));
  return error == std::errc() && (suffix.empty() || suffix == "a" || suffix == "f") ? number : 0;
}

// The end of a log, from the beginning of a line.
std::string_view tail(std::string_view log) {
  if (log.size() <= kLogTailBytes) {
    return log;
  }
  log.remove_prefix(log.size() - kLogTailBytes);
  const std::size_t line = log.find('\n');
  return line == std::string_view::npos ? log : log.substr(line + 1);
}

bool is_elf(const std::vector<std::byte>& bytes) {
  constexpr std::size_t kHeaderBytes = 64;
  return bytes.size() >= kHeaderBytes && std::memcmp(bytes.data(), "\177ELF", 4) == 0;
}

// What is known of the libraries that the search finds while none of them serves as the process's compiler.
class Expectation {
 public:
  // The build of the first library found that was not refused; "" if there is none.
  std::string build() {
    const std::lock_guard lock(mutex_);
    if (build_.empty()) {
      for (const auto& path : search_nvrtc(settings()).found) {
        if (!refused_.contains(path)) {
          build_ = library_build(path);
          break;
        }
      }
    }
    return build_;
  }

  // Nothing came of loading these.
  void refuse(const std::vector<std::filesystem::path>& libraries) {
    const std::lock_guard lock(mutex_);
    refused_.insert(libraries.begin(), libraries.end());
    build_.clear();
  }

 private:
  std::mutex mutex_;
  std::set<std::filesystem::path> refused_;
  std::string build_;  // kept once found, as searching reads many files
};

Expectation& expectation() {
  static auto* const instance = new Expectation;  // leaked, as all that a plan may use while the process ends
  return *instance;
}

// First of the libraries found that loads and is new enough.
NvrtcTable load_first(const Settings& settings) {
  const NvrtcSearch search = search_nvrtc(settings);
  std::string refused;
  for (const auto& path : search.found) {
    try {
      return load_nvrtc(path);
    } catch (const Error& error) {
      refused += std::string(error.what()) + "; ";
    }
  }
  expectation().refuse(search.found);
  fail(SWIGLU_NO_COMPILER, "no NVRTC to compile kernels with. Looked for {}: {}{}", search.tried,
       refused.empty() ? "nothing there is a shared library of this machine. " : refused, kHowToGet);
}

[[noreturn]] void fail_compile(const NvrtcTable& nvrtc, nvrtcResult result, const std::string& arch,
                               const std::string& log) {
  const std::string version = fmt::format("{}.{}", nvrtc.version / 1000, nvrtc.version % 1000 / 10);
  switch (result) {
    case NVRTC_ERROR_BUILTIN_OPERATION_FAILURE:
      fail(
          SWIGLU_NO_COMPILER,
          "NVRTC {} ({}) cannot use its builtins library ({}): libnvrtc-builtins.so.{} must lie beside it, of the same "
          "version. {}",
          version, nvrtc.path.string(), nvrtc.error_string(result), version, kHowToGet);
    case NVRTC_ERROR_OUT_OF_MEMORY:
      fail(SWIGLU_OUT_OF_MEMORY, "NVRTC {} ran out of memory while compiling for {}", version, arch);
    default:
      break;
  }
  // What NVRTC says of an architecture it does not know, in its own checks and in the front end's.
  if (log.find("--gpu-architecture") != std::string::npos || log.find("--nv_arch") != std::string::npos) {
    fail(SWIGLU_NOT_SUPPORTED, "NVRTC {} ({}) does not compile for {}; it knows {}", version, nvrtc.path.string(), arch,
         text_list(nvrtc.archs));
  }
  fail(SWIGLU_COMPILE_FAILED, "NVRTC {} refused a kernel for {} ({}). The end of its log:\n{}", version, arch,
       nvrtc.error_string(result), tail(log));
}

std::mutex instance_mutex;
std::atomic<const Compiler*> loaded_instance{nullptr};

}  // namespace

const Compiler& Compiler::instance() {
  if (const Compiler* compiler = loaded_instance.load(std::memory_order_acquire)) {
    return *compiler;
  }
  const std::lock_guard lock(instance_mutex);
  if (const Compiler* compiler = loaded_instance.load(std::memory_order_acquire)) {
    return *compiler;
  }
  const auto* compiler = new Compiler(settings());  // leaked: usable until the process is gone
  loaded_instance.store(compiler, std::memory_order_release);
  return *compiler;
}

std::string Compiler::expected_identity() {
  if (const Compiler* compiler = loaded_instance.load(std::memory_order_acquire)) {
    return compiler->identity();
  }
  const std::string build = expectation().build();
  return build.empty() ? instance().identity() : build;  // instance() says why there is none
}

const std::vector<std::string>& Compiler::options() {
  static const std::vector<std::string> options = {
      "--std=c++20",
      "--no-source-include",  // or quoted includes would be looked for in the current directory
      "--ptxas-options=-v",
      "--ptxas-options=--warn-on-spills",
  };
  return options;
}

Compiler::Compiler(const Settings& settings)
    : nvrtc_(std::make_unique<const NvrtcTable>(load_first(settings))), identity_(library_build(nvrtc_->path)) {
  log().debug("NVRTC {}.{} from {}, build {}", version() / 1000, version() % 1000 / 10, path().string(), identity_);
}

Compiler::~Compiler() = default;

int Compiler::version() const { return nvrtc_->version; }

const std::filesystem::path& Compiler::path() const { return nvrtc_->path; }

bool Compiler::supports(const std::string& arch) const {
  const int number = arch_number(arch);
  return number != 0 && std::find(nvrtc_->archs.begin(), nvrtc_->archs.end(), number) != nvrtc_->archs.end();
}

CompileResult Compiler::compile(const CompileRequest& request) const {
  if (!supports(request.arch)) {
    fail(SWIGLU_NOT_SUPPORTED, "NVRTC {}.{} ({}) does not compile for {}; it knows {}", version() / 1000,
         version() % 1000 / 10, path().string(), request.arch, text_list(nvrtc_->archs));
  }
  std::vector<NvrtcProgram::Header> headers;
  for (const Template& header : templates()) {
    headers.push_back({header.name.c_str(), header.text.c_str()});
  }
  std::vector<std::string> arguments = options();
  arguments.push_back("--gpu-architecture=" + request.arch);
  if (version() >= kFirstVersionWithCache) {
    arguments.emplace_back("--no-cache");
  }
  const auto start = std::chrono::steady_clock::now();
  NvrtcProgram program(*nvrtc_, request.source, "swiglu_kernel.cu", headers);
  const nvrtcResult status = program.compile(arguments);
  CompileResult result;
  result.log = program.log();
  if (status == NVRTC_SUCCESS) {
    result.cubin = program.cubin();
  }
  result.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (settings().dump_directory) {
    dump_compile(*settings().dump_directory, request, result);
  }
  if (status != NVRTC_SUCCESS) {
    fail_compile(*nvrtc_, status, request.arch, result.log);
  }
  if (!is_elf(result.cubin)) {
    fail(SWIGLU_COMPILE_FAILED, "NVRTC made no cubin for {} ({} bytes that are no ELF file). The end of its log:\n{}",
         request.arch, result.cubin.size(), tail(result.log));
  }
  const PtxasReport report = read_ptxas_log(result.log);
  result.registers = report.registers;
  result.spill_bytes = report.spill_bytes;
  result.stack_bytes = report.stack_bytes;
  result.static_shared_bytes = report.static_shared_bytes;
  result.defect = report.defect;
  return result;
}

}  // namespace swiglu
