// What all points of a bench share: the device and its properties, the bench's kernels, cuBLASLt, the stream and the
// stopwatch. Constructing it is where everything that may be missing is found to be missing, in words.
#pragma once

#include <swiglu/swiglu.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "tools/bench/board.h"
#include "tools/bench/cublaslt.h"
#include "tools/bench/device_code.h"
#include "tools/bench/stopwatch.h"
#include "tools/device_memory.h"
#include "tools/library.h"

namespace swiglu::tool {

// A device that can be benched on, by the library's word for it (swiglu_info).
struct BenchDevice {
  int ordinal;
  int multiprocessors;
  std::size_t l2_bytes;
  std::string arch;
  std::string nvrtc;  // the library's file
  Json info;          // swiglu_info

  // Makes it the current device. A Failure where there is no such device, or no NVRTC.
  static BenchDevice open(int ordinal);
};

struct Laboratory {
  // cublaslt: its file, "" to search.
  Laboratory(int ordinal, swiglu_dtype dtype, const std::string& cublaslt_path);

  Json describe() const;  // GPU, driver, NVRTC, cuBLASLt, library

  BenchDevice device;
  Board board;
  DeviceCode code;
  CublasLt cublaslt;
  Stream stream;
  Stopwatch stopwatch;
};

}  // namespace swiglu::tool
