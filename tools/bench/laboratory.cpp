// Finding all that a bench needs: see laboratory.h.
#include "tools/bench/laboratory.h"

#include <filesystem>

#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  check_cuda(cudaDeviceGetAttribute(&value, which, device), "cudaDeviceGetAttribute");
  return value;
}

}  // namespace

BenchDevice BenchDevice::open(int ordinal) {
  const DeviceCount devices = count_devices();
  if (devices.count == 0) {
    throw Failure("swiglu bench needs a CUDA GPU, and there is none: " + devices.why_none +
                  "; `swiglu info` says more");
  }
  if (ordinal >= devices.count) {
    throw Failure("there is no CUDA device " + std::to_string(ordinal) + ": the driver lists " +
                  std::to_string(devices.count));
  }
  use_device(ordinal);
  BenchDevice device{ordinal,
                     attribute(cudaDevAttrMultiProcessorCount, ordinal),
                     static_cast<std::size_t>(attribute(cudaDevAttrL2CacheSize, ordinal)),
                     "",
                     "",
                     Json::parse(text(swiglu_info))};
  for (const Json& entry : device.info.value("devices", Json::array())) {
    if (entry.value("ordinal", -1) == ordinal) {
      device.arch = entry.value("arch", "");
      device.info["device"] = entry;
    }
  }
  const Json nvrtc = device.info.value("nvrtc", Json::object());
  device.nvrtc = nvrtc.value("path", "");
  if (device.arch.empty() || device.nvrtc.empty()) {
    throw Failure("the library cannot use device " + std::to_string(ordinal) + " or has no NVRTC (" +
                  nvrtc.value("reason", "see swiglu info") + ")");
  }
  return device;
}

Laboratory::Laboratory(int ordinal, swiglu_dtype dtype, const std::string& cublaslt_path)
    : device(BenchDevice::open(ordinal)),
      board(ordinal),
      code(compile_bench_kernels(device.nvrtc, device.arch, dtype)),
      cublaslt(cublaslt_path, {std::filesystem::path(device.nvrtc).parent_path().string()}),
      stopwatch(stream, code, device.multiprocessors) {}

Json Laboratory::describe() const {
  const auto known = [](const auto& optional) { return optional ? Json(*optional) : Json(nullptr); };
  return {{"gpu", device.info.value("device", Json::object())},
          {"l2_bytes", device.l2_bytes},
          {"power_limit_watts", known(board.power_limit_watts())},
          {"driver", {{"version", board.driver_version()}, {"cuda", device.info.value("driver", Json::object())}}},
          {"nvrtc", device.info.value("nvrtc", Json::object())},
          {"cublaslt", {{"version", cublaslt.version()}, {"path", cublaslt.path()}}},
          {"library", device.info.value("library", Json::object())}};
}

}  // namespace swiglu::tool
