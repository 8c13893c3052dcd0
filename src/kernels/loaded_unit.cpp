#include "kernels/loaded_unit.h"

#include <string>

#include "base/error.h"
#include "base/log.h"
#include "cuda/driver.h"
#include "cuda/launch.h"

namespace swiglu {
namespace {

// After this no launch of the function has anything left to load or to set.
CUresult ready(CUlibrary library, const char* name, int shared_bytes, CUfunction& function) {
  const DriverTable& table = driver();
  CUkernel kernel = nullptr;
  CUresult result = table.library_get_kernel(&kernel, library, name);
  if (result == CUDA_SUCCESS) {
    result = table.kernel_get_function(&function, kernel);  // bound to the current context, hence to the device
  }
  if (result == CUDA_SUCCESS) {
    result = table.function_set_attribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared_bytes);
  }
  if (result == CUDA_SUCCESS && table.function_load != nullptr) {  // else setting the attribute has loaded it
    result = table.function_load(function);
  }
  return result;
}

// Leaves what it got so far in `loaded`.
CUresult load(const std::vector<const char*>& names, const Device& device, LoadedUnit& loaded) {
  const RelaxedCapture relaxed;
  const CurrentContext current(device);
  const KernelEntry& entry = loaded.cubin->entry;
  CUlibrary library = nullptr;
  CUresult result = driver().library_load_data(&library, entry.cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0);
  if (result != CUDA_SUCCESS) {
    return result;
  }
  loaded.library = LibraryHandle(library);
  for (const char* name : names) {
    result = ready(library, name, entry.shared_bytes, loaded.functions.emplace_back());
    if (result != CUDA_SUCCESS) {
      break;
    }
  }
  return result;
}

// What a driver answers to an image that it cannot use, damaged or made for another GPU or by too new a compiler.
bool is_rejection(CUresult result) {
  switch (result) {
    case CUDA_ERROR_INVALID_IMAGE:
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_INVALID_PTX:
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
    case CUDA_ERROR_INVALID_SOURCE:
    case CUDA_ERROR_NOT_FOUND:
      return true;
    default:
      return false;
  }
}

}  // namespace

LoadedUnit load_unit(const Unit& unit, const std::vector<const char*>& names, const Device& device, Policy policy) {
  const std::string arch = device.arch().name;
  LoadedUnit loaded{get_cubin(unit, arch, policy), {}, {}};
  CUresult result = load(names, device, loaded);
  if (is_rejection(result) && loaded.cubin->origin != Origin::compiled && policy != Policy::cached_only) {
    log().warn("the driver rejected the cached kernel {} for {} ({}); it is compiled again", unit.name, arch,
               describe(driver(), result));
    forget_cubin(unit, arch, *loaded.cubin);
    // By force, as a read-only store still holds the rejected one.
    loaded = {get_cubin(unit, arch, Policy::force), {}, {}};
    result = load(names, device, loaded);
  }
  if (is_rejection(result) && policy == Policy::cached_only) {  // others may be sound
    fail(SWIGLU_NOT_CACHED,
         "the driver {} (CUDA {}) rejects the cached kernel {} for {}, and compiling was not allowed: {}",
         driver().path.string(), version_text(driver().version), unit.name, arch, describe(driver(), result));
  }
  if (is_rejection(result)) {
    fail(SWIGLU_CUDA_ERROR,
         "the driver {} (CUDA {}) rejects the kernel {} for {}: {}. Most often NVRTC is newer than the driver: update "
         "the driver, or name an NVRTC of its version in SWIGLU_NVRTC_LIBRARY",
         driver().path.string(), version_text(driver().version), unit.name, arch, describe(driver(), result));
  }
  check(result, "loading a kernel");
  return loaded;
}

}  // namespace swiglu
