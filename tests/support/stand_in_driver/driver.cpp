// The way into the stand-in driver: cuGetProcAddress, through which all its functions are reached as the real ones are;
// and what it says of itself, its version and the names of errors. Each function counts its call, honours an injected
// failure, then answers under the state's mutex (call.h).
#include <cuda.h>

#include <string_view>

#include "call.h"
#include "entries.h"
#include "state.h"

namespace stand_in {
namespace {

CUresult driver_get_version(int* version) {
  STAND_IN_CALL("cuDriverGetVersion");
  *version = state().driver_version;
  return CUDA_SUCCESS;
}

CUresult get_error_name(CUresult error, const char** text) {
  STAND_IN_CALL("cuGetErrorName");
  switch (error) {
    case CUDA_ERROR_OUT_OF_MEMORY:
      *text = "CUDA_ERROR_OUT_OF_MEMORY";
      return CUDA_SUCCESS;
    case CUDA_ERROR_INVALID_HANDLE:
      *text = "CUDA_ERROR_INVALID_HANDLE";
      return CUDA_SUCCESS;
    case CUDA_ERROR_ILLEGAL_ADDRESS:
      *text = "CUDA_ERROR_ILLEGAL_ADDRESS";
      return CUDA_SUCCESS;
    case CUDA_ERROR_INVALID_IMAGE:
      *text = "CUDA_ERROR_INVALID_IMAGE";
      return CUDA_SUCCESS;
    default:
      *text = nullptr;
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult get_error_string(CUresult error, const char** text) {
  STAND_IN_CALL("cuGetErrorString");
  *text = error == CUDA_ERROR_ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "the stand-in says so";
  return CUDA_SUCCESS;
}

const Entry* find_entry(std::string_view name) {
  static const Entry own[] = {
      {"cuDriverGetVersion", 2020, pointer(driver_get_version)},
      {"cuGetErrorName", 6000, pointer(get_error_name)},
      {"cuGetErrorString", 6000, pointer(get_error_string)},
  };
  for (const std::span<const Entry> table : {std::span<const Entry>(own), devices_entries(), kernels_entries(),
                                             streams_entries(), device_memory_entries()}) {
    for (const Entry& entry : table) {
      if (entry.name == name) {
        return &entry;
      }
    }
  }
  return nullptr;
}

CUresult get_proc_address(const char* symbol, void** function, int version, CUdriverProcAddressQueryResult* status) {
  STAND_IN_CALL("cuGetProcAddress");
  const Entry* found = find_entry(symbol);
  *function = nullptr;
  if (found == nullptr) {
    *status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    return CUDA_ERROR_NOT_FOUND;
  }
  if (version < found->since || found->since > state().driver_version) {
    *status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
    return CUDA_ERROR_NOT_FOUND;
  }
  *function = found->function;
  *status = CU_GET_PROC_ADDRESS_SUCCESS;
  return CUDA_SUCCESS;
}

}  // namespace
}  // namespace stand_in

// The only names that the library may look up itself.
#undef cuGetProcAddress
STAND_IN_API CUresult cuGetProcAddress_v2(const char* symbol, void** function, int version, cuuint64_t,
                                          CUdriverProcAddressQueryResult* status) {
  CUdriverProcAddressQueryResult ignored{};
  return stand_in::get_proc_address(symbol, function, version, status != nullptr ? status : &ignored);
}

STAND_IN_API CUresult cuDriverGetVersion(int* version) { return stand_in::driver_get_version(version); }
