// The board as NVML sees it: driver version, power limit, energy used. NVML may be missing; then so are the figures.
#pragma once

#include <optional>
#include <string>

namespace swiglu::tool {

class Board {
 public:
  // Of the CUDA device of this ordinal. Does not throw: what cannot be had stays empty.
  explicit Board(int device);

  const std::string& driver_version() const { return driver_version_; }  // "580.159.04", or ""
  std::optional<double> power_limit_watts() const { return power_limit_watts_; }

  // Used since the driver was loaded. The counter moves every 20 to 100 ms: differences over less say nothing.
  std::optional<double> joules() const;

 private:
  using Device = struct nvmlDevice_st*;
  using ReadEnergy = int (*)(Device, unsigned long long*);

  void open(int device);

  std::string driver_version_;
  std::optional<double> power_limit_watts_;
  Device device_ = nullptr;
  ReadEnergy read_energy_ = nullptr;
};

}  // namespace swiglu::tool
