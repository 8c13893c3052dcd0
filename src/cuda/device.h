// CUDA devices by ordinal, with their primary contexts retained for the life of the process: releasing them could
// destroy what other users of the primary context still need at exit. Thread-safe; references stay valid.
#pragma once

#include <cstddef>
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
  CUcontext context() const { return context_; }  // primary, retained
  std::size_t l2_bytes() const { return l2_bytes_; }

 private:
  explicit Device(int ordinal);

  int ordinal_ = 0;
  DeviceSpec spec_;
  Arch arch_;
  CUcontext context_ = nullptr;
  std::size_t l2_bytes_ = 0;
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
