// NVML without its header, which comes with the driver's development files only: the few declarations that are needed
// are here, as NVML's reference gives them. See board.h.
#include "tools/bench/board.h"

#include <array>
#include <vector>

#include "tools/bench/shared_library.h"
#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

constexpr int kNvmlSuccess = 0;

}  // namespace

Board::Board(int device) {
  try {
    open(device);
  } catch (const Failure&) {
    device_ = nullptr;  // no NVML: no power
  }
}

void Board::open(int device) {
  const SharedLibrary nvml("NVML", {"libnvidia-ml.so.1"});
  int (*init)() = nullptr;
  int (*get_driver_version)(char*, unsigned) = nullptr;
  int (*get_device)(const char*, Device*) = nullptr;
  int (*get_power_limit)(Device, unsigned*) = nullptr;
  nvml.find(init, "nvmlInit_v2");
  nvml.find(get_driver_version, "nvmlSystemGetDriverVersion");
  nvml.find(get_device, "nvmlDeviceGetHandleByPciBusId_v2");
  nvml.find(get_power_limit, "nvmlDeviceGetEnforcedPowerLimit");
  nvml.find(read_energy_, "nvmlDeviceGetTotalEnergyConsumption");

  std::array<char, 96> version{};
  std::array<char, 32> bus{};
  unsigned milliwatts = 0;
  if (init() != kNvmlSuccess) {
    return;
  }
  if (get_driver_version(version.data(), static_cast<unsigned>(version.size())) == kNvmlSuccess) {
    driver_version_ = version.data();
  }
  check_cuda(cudaDeviceGetPCIBusId(bus.data(), static_cast<int>(bus.size()), device), "cudaDeviceGetPCIBusId");
  if (get_device(bus.data(), &device_) != kNvmlSuccess) {
    device_ = nullptr;
    return;
  }
  if (get_power_limit(device_, &milliwatts) == kNvmlSuccess) {
    power_limit_watts_ = milliwatts * 1e-3;
  }
}

std::optional<double> Board::joules() const {
  unsigned long long millijoules = 0;
  if (device_ == nullptr || read_energy_(device_, &millijoules) != kNvmlSuccess) {
    return std::nullopt;
  }
  return static_cast<double>(millijoules) * 1e-3;
}

}  // namespace swiglu::tool
