// Text -> cubin, by NVRTC found at run time. Needs no GPU and no driver. Thread-safe; compiles run in parallel.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/settings.h"

namespace swiglu {

struct NvrtcTable;

struct CompileRequest {
  std::string source;
  std::string arch;  // "sm_90a": a cubin comes out
};

struct CompileResult {
  std::vector<std::byte> cubin;
  std::string log;
  int registers = 0;
  int spill_bytes = 0;  // stores + loads
  int stack_bytes = 0;  // local memory, spills included
  int static_shared_bytes = 0;
  std::string defect;  // empty, or why the cubin must not be used: a spill, a C75xx / C76xx message
  double milliseconds = 0;
};

class Compiler {
 public:
  // Loads NVRTC on first use: SWIGLU_NVRTC_LIBRARY, the loader's path, the toolkit, beside this library. Throws
  // Error{NO_COMPILER} naming everything tried, again at each call until it is found.
  static const Compiler& instance();

  // The identity() that instance() most likely has, without loading NVRTC where it is not loaded yet: that of the first
  // library found. Whether it loads and is new enough only instance() tells, so what is not found under this identity
  // is to be looked for under that one before anybody compiles, measures or gives up. Once instance() has returned or
  // thrown, this says the same. Throws as instance() does where there is no library, or none that will do.
  static std::string expected_identity();

  // The options that decide the cubin, in order; the architecture is added to them, and on versions that have a cache
  // of their own --no-cache.
  static const std::vector<std::string>& options();

  // A compiler of its own from any settings, for tests.
  explicit Compiler(const Settings&);
  ~Compiler();
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;

  int version() const;                                       // 13000 = 13.0
  const std::string& identity() const { return identity_; }  // the library's build, for keys: its GNU build id
  const std::filesystem::path& path() const;
  bool supports(const std::string& arch) const;

  // Throws Error{COMPILE_FAILED} with the end of the log; Error{NOT_SUPPORTED} for an architecture NVRTC does not know;
  // Error{NO_COMPILER} where NVRTC's own parts do not fit together.
  CompileResult compile(const CompileRequest&) const;

 private:
  std::unique_ptr<const NvrtcTable> nvrtc_;
  std::string identity_;
};

}  // namespace swiglu
