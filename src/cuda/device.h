// CUDA devices by ordinal. Knowing one creates no context on it: its primary context is retained when it is first asked
// for, then for the life of the process, as releasing it could destroy what its other users still need at exit.
// Thread-safe; references stay valid.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>

#include "base/arch.h"

typedef struct CUctx_st* CUcontext;

namespace swiglu {

class Device {
 public:
  // Throws Error{NO_DRIVER}, Error{NO_DEVICE} naming how many there are, Error{NOT_SUPPORTED} below compute
  // capability 7.5.
  static const Device& get(int ordinal);
  static int count();

  int ordinal() const { return ordinal_; }
  const DeviceSpec& spec() const { return spec_; }
  const Arch& arch() const { return arch_; }
  // The primary one, retained. Throws Error{CUDA_ERROR, OUT_OF_MEMORY} until that has succeeded once; takes no lock
  // afterwards.
  CUcontext context() const;
  std::size_t l2_bytes() const { return l2_bytes_; }

 private:
  explicit Device(int ordinal);

  int ordinal_ = 0;
  DeviceSpec spec_;
  Arch arch_;
  std::size_t l2_bytes_ = 0;
  mutable std::mutex retaining_;
  mutable std::atomic<CUcontext> context_{nullptr};
};

// Makes a device's primary context current for a scope, and restores what was current before. No call where it already
// is.
class CurrentContext {
 public:
  explicit CurrentContext(const Device&);
  ~CurrentContext();
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;

 private:
  bool pushed_ = false;
};

}  // namespace swiglu
