#include "cuda/device.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "cuda/driver.h"

namespace swiglu {
namespace {

constexpr int kMinimumComputeCapability = 75;

int attribute(CUdevice device, CUdevice_attribute which) {
  int value = 0;
  check(driver().device_get_attribute(&value, which, device), "reading a device attribute");
  return value;
}

std::string device_name(CUdevice device) {
  std::array<char, 256> name{};
  check(driver().device_get_name(name.data(), static_cast<int>(name.size()), device), "reading a device's name");
  return name.data();
}

// Peak memory rate from clock and width; 0 where the driver does not tell.
double memory_rate(CUdevice device) {
  int kilohertz = 0;
  int bits = 0;
  if (driver().device_get_attribute(&kilohertz, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, device) != CUDA_SUCCESS ||
      driver().device_get_attribute(&bits, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, device) != CUDA_SUCCESS) {
    return 0;
  }
  constexpr double kTransfersPerClock = 2;
  return kTransfersPerClock * kilohertz * 1e3 * bits / 8;
}

DeviceSpec read_spec(CUdevice device, int compute_capability, const DeviceSpec& representative) {
  DeviceSpec spec = representative;
  spec.name = device_name(device);
  spec.compute_capability = compute_capability;
  spec.multiprocessors = attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  spec.shared_bytes_per_block = attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  spec.shared_bytes_per_multiprocessor = attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
  spec.registers_per_multiprocessor = attribute(device, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR);
  // Rough rates for the estimate: the representative card's, in proportion to multiprocessors.
  const double share = static_cast<double>(spec.multiprocessors) / representative.multiprocessors;
  spec.dense_flops_per_second *= share;
  spec.dense_flops_per_second_f16 *= share;
  const double rate = memory_rate(device);
  spec.memory_bytes_per_second = rate > 0 ? rate : representative.memory_bytes_per_second * share;
  return spec;
}

struct Devices {
  std::mutex mutex;
  std::map<int, std::unique_ptr<const Device>> opened;
};

Devices& devices() {
  static auto* const instance = new Devices;  // leaked: plans may outlive static objects
  return *instance;
}

}  // namespace

int Device::count() {
  int count = 0;
  const CUresult result = driver().device_get_count(&count);
  if (result == CUDA_ERROR_NO_DEVICE || result == CUDA_ERROR_NOT_INITIALIZED) {  // cuInit found no device
    return 0;
  }
  check(result, "counting CUDA devices");
  return count;
}

const Device& Device::get(int ordinal) {
  const int present = count();
  if (ordinal < 0 || ordinal >= present) {
    fail(SWIGLU_NO_DEVICE,
         "device {} was asked for, and there {} {} CUDA device{} (CUDA_VISIBLE_DEVICES hides others){}", ordinal,
         present == 1 ? "is" : "are", present, present == 1 ? "" : "s", present == 0 ? ". Use SWIGLU_DEVICE_CPU" : "");
  }
  const std::lock_guard lock(devices().mutex);
  std::unique_ptr<const Device>& slot = devices().opened[ordinal];
  if (slot == nullptr) {
    slot.reset(new Device(ordinal));
  }
  return *slot;
}

Device::Device(int ordinal) : ordinal_(ordinal) {
  CUdevice device = 0;
  check(driver().device_get(&device, ordinal), "opening a CUDA device");
  const int compute_capability = 10 * attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
                                 attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  const std::optional<Arch> arch = arch_for_compute_capability(compute_capability);
  if (!arch) {
    fail(SWIGLU_NOT_SUPPORTED, "device {} ({}) has compute capability {}.{}; this library supports {}.{} and later{}",
         ordinal, device_name(device), compute_capability / 10, compute_capability % 10, kMinimumComputeCapability / 10,
         kMinimumComputeCapability % 10,
         compute_capability > kMinimumComputeCapability ? ", and knows no architecture that this one runs" : "");
  }
  arch_ = *arch;
  spec_ = read_spec(device, compute_capability, arch_.representative);
  l2_bytes_ = static_cast<std::size_t>(attribute(device, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE));
}

CUcontext Device::context() const {
  if (CUcontext known = context_.load(std::memory_order_acquire); known != nullptr) {
    return known;
  }
  const std::lock_guard lock(retaining_);
  CUcontext context = context_.load(std::memory_order_relaxed);
  if (context == nullptr) {
    CUdevice device = 0;
    check(driver().device_get(&device, ordinal_), "opening a CUDA device");
    check(driver().primary_context_retain(&context, device), "retaining a device's primary context");
    context_.store(context, std::memory_order_release);
  }
  return context;
}

CurrentContext::CurrentContext(const Device& device) {
  const DriverTable& table = driver();
  CUcontext current = nullptr;
  check(table.context_get_current(&current), "reading the current context");
  if (current != device.context()) {
    check(table.context_push_current(device.context()), "making a device's primary context current");
    pushed_ = true;
  }
}

CurrentContext::~CurrentContext() {
  if (pushed_) {
    CUcontext popped = nullptr;
    driver().context_pop_current(&popped);  // cannot fail: this scope pushed it
  }
}

}  // namespace swiglu
