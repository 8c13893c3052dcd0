// The stand-in driver's functions of devices, their attributes and contexts.
#include <cuda.h>

#include <cstring>
#include <string>

#include "call.h"
#include "entries.h"
#include "state.h"

namespace stand_in {
namespace {

CUresult init(unsigned) {
  STAND_IN_CALL("cuInit");
  return state().devices.empty() ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

CUresult device_get_count(int* count) {
  STAND_IN_CALL("cuDeviceGetCount");
  *count = static_cast<int>(state().devices.size());
  return CUDA_SUCCESS;
}

CUresult device_get(CUdevice* device, int ordinal) {
  STAND_IN_CALL("cuDeviceGet");
  *device = ordinal;
  return valid_device(ordinal) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult device_get_name(char* name, int length, CUdevice device) {
  STAND_IN_CALL("cuDeviceGetName");
  if (!valid_device(device) || length < 1) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const std::string text = "Stand-in GPU " + std::to_string(device_at(device).compute_capability);
  std::strncpy(name, text.c_str(), static_cast<std::size_t>(length));
  name[length - 1] = '\0';
  return CUDA_SUCCESS;
}

CUresult device_get_attribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  STAND_IN_CALL("cuDeviceGetAttribute");
  if (!valid_device(device)) {
    return CUDA_ERROR_INVALID_DEVICE;
  }
  const StandInDevice& properties = device_at(device);
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
      *value = properties.compute_capability / 10;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
      *value = properties.compute_capability % 10;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      *value = properties.multiprocessors;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
      *value = properties.shared_bytes_per_block;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
      *value = properties.shared_bytes_per_block + 1024;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
      *value = 65536;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
      *value = 3201000;  // kHz, with the width below: 4.9 TB/s
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
      *value = 50 << 20;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
      *value = 6144;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult device_total_mem(std::size_t* bytes, CUdevice device) {
  STAND_IN_CALL("cuDeviceTotalMem");
  *bytes = std::size_t{80} << 30;
  return valid_device(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult device_get_uuid(CUuuid* uuid, CUdevice device) {
  STAND_IN_CALL("cuDeviceGetUuid");
  std::memset(uuid->bytes, device + 1, sizeof uuid->bytes);
  return valid_device(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult primary_retain(CUcontext* context, CUdevice device) {
  STAND_IN_CALL("cuDevicePrimaryCtxRetain");
  Context* primary = primary_context(device);
  if (primary == nullptr) {
    return CUDA_ERROR_INVALID_DEVICE;
  }
  ++state().retains[device];
  *context = reinterpret_cast<CUcontext>(primary);
  return CUDA_SUCCESS;
}

CUresult primary_release(CUdevice device) {
  STAND_IN_CALL("cuDevicePrimaryCtxRelease");
  if (!valid_device(device) || state().retains[device] == 0) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  --state().retains[device];
  return CUDA_SUCCESS;
}

CUresult ctx_get_current(CUcontext* context) {
  STAND_IN_CALL("cuCtxGetCurrent");
  *context = static_cast<CUcontext>(stand_in_current_context());
  return CUDA_SUCCESS;
}

CUresult ctx_push(CUcontext context) {
  STAND_IN_CALL("cuCtxPushCurrent");
  if (!known_context(context)) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  thread_state().contexts.push_back(reinterpret_cast<Context*>(context));
  return CUDA_SUCCESS;
}

CUresult ctx_pop(CUcontext* context) {
  STAND_IN_CALL("cuCtxPopCurrent");
  auto& stack = thread_state().contexts;
  if (stack.empty()) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  if (context != nullptr) {
    *context = reinterpret_cast<CUcontext>(stack.back());
  }
  stack.pop_back();
  return CUDA_SUCCESS;
}

CUresult ctx_get_device(CUdevice* device) {
  STAND_IN_CALL("cuCtxGetDevice");
  const auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  *device = context->device;
  return CUDA_SUCCESS;
}

}  // namespace

std::span<const Entry> devices_entries() {
  static const Entry entries[] = {
      {"cuInit", 2000, pointer(init)},
      {"cuDeviceGetCount", 2000, pointer(device_get_count)},
      {"cuDeviceGet", 2000, pointer(device_get)},
      {"cuDeviceGetName", 2000, pointer(device_get_name)},
      {"cuDeviceGetAttribute", 2000, pointer(device_get_attribute)},
      {"cuDeviceTotalMem", 3020, pointer(device_total_mem)},
      {"cuDeviceGetUuid", 9020, pointer(device_get_uuid)},
      {"cuDevicePrimaryCtxRetain", 7000, pointer(primary_retain)},
      {"cuDevicePrimaryCtxRelease", 11000, pointer(primary_release)},
      {"cuCtxGetCurrent", 4000, pointer(ctx_get_current)},
      {"cuCtxPushCurrent", 4000, pointer(ctx_push)},
      {"cuCtxPopCurrent", 4000, pointer(ctx_pop)},
      {"cuCtxGetDevice", 2000, pointer(ctx_get_device)},
  };
  return entries;
}

}  // namespace stand_in
