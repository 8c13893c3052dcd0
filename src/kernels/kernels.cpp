#include "kernels/kernels.h"

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/spelling.h"
#include "cuda/driver.h"
#include "jit/source.h"
#include "kernels/single_flight.h"
#include "kernels/tma_params.h"

namespace swiglu {
namespace {

using CubinPointer = std::shared_ptr<const Cubin>;
using KernelPointer = std::shared_ptr<const Kernel>;

SingleFlight<Kernel>& loaded_kernels() {
  static auto* const instance = new SingleFlight<Kernel>;  // leaked: nothing is unloaded while the process ends
  return *instance;
}

struct Loaded {
  LibraryHandle library;
  CUfunction function = nullptr;
};

// Loads and readies for launching on `device`: after this no launch has anything left to load or to set.
CUresult load(const Cubin& cubin, const Device& device, Loaded& loaded) {
  const DriverTable& table = driver();
  const RelaxedCapture relaxed;
  const CurrentContext current(device);
  CUlibrary library = nullptr;
  CUresult result =
      table.library_load_data(&library, cubin.entry.cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0);
  if (result != CUDA_SUCCESS) {
    return result;
  }
  loaded.library = LibraryHandle(library);
  CUkernel kernel = nullptr;
  result = table.library_get_kernel(&kernel, library, kKernelName);
  if (result == CUDA_SUCCESS) {
    result = table.kernel_get_function(&loaded.function, kernel);  // bound to the current context, hence to the device
  }
  if (result == CUDA_SUCCESS) {
    result = table.function_set_attribute(loaded.function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                          cubin.entry.shared_bytes);
  }
  if (result == CUDA_SUCCESS && table.function_load != nullptr) {  // else setting the attribute has loaded it
    result = table.function_load(loaded.function);
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

KernelPointer build(const KernelConfig& config, const Device& device, Policy policy) {
  const std::string arch = device.arch().name;
  CubinPointer cubin = get_cubin(config, arch, policy);
  Loaded loaded;
  CUresult result = load(*cubin, device, loaded);
  if (is_rejection(result) && cubin->origin != Origin::compiled && policy != Policy::cached_only) {
    log().warn("the driver rejected the cached kernel {} for {} ({}); it is compiled again", print(config), arch,
               describe(driver(), result));
    forget_cubin(config, arch);
    cubin = get_cubin(config, arch, Policy::force);  // a read-only store still holds the rejected one
    loaded = {};
    result = load(*cubin, device, loaded);
  }
  if (is_rejection(result)) {
    fail(SWIGLU_CUDA_ERROR,
         "the driver {} (CUDA {}) rejects the kernel {} for {}: {}. Most often NVRTC is newer than the driver: update "
         "the "
         "driver, or name an NVRTC of its version in SWIGLU_NVRTC_LIBRARY",
         driver().path.string(), version_text(driver().version), print(config), arch, describe(driver(), result));
  }
  check(result, "loading a kernel");
  return std::make_shared<const Kernel>(config, device, std::move(cubin), std::move(loaded.library), loaded.function);
}

}  // namespace

Kernel::Kernel(const KernelConfig& config, const Device& device, std::shared_ptr<const Cubin> cubin,
               LibraryHandle library, CUfunction function)
    : config_(config),
      device_(&device),
      cubin_(std::move(cubin)),
      library_(std::move(library)),
      function_(function),
      block_(static_cast<unsigned>(threads(config))),
      shared_bytes_(static_cast<unsigned>(cubin_->entry.shared_bytes)) {}

void Kernel::launch(const ForwardParams& params, void* stream) const { enqueue(checked_tiles(params), params, stream); }

long long Kernel::checked_tiles(long long m, long long count) const {
  constexpr long long kMost = std::numeric_limits<std::int32_t>::max();  // blocks of a grid, rows of a tensor map
  const bool persistent = config_.family == Family::wgmma_sm90;
  if (count > kMost || (persistent && m > kMost - std::max(config_.tile.m, config_.tile.k))) {
    fail(SWIGLU_NOT_SUPPORTED, "m = {} takes {} tiles of {}; rows and tiles may be 2147483647 at most: split m", m,
         count, print(config_));
  }
  return count;
}

long long Kernel::checked_tiles(const ForwardParams& params) const {
  return checked_tiles(params.m, tiles(config_, params.m));
}

long long Kernel::checked_tiles(const BackwardParams& params) const {
  return checked_tiles(params.m, tiles(config_, params.m) * (is_dw(config_.problem.pass) ? params.splits : 1));
}

long long Kernel::checked_tiles(const CopyParams& params) const {
  long long count = 0;
  for (int matrix = 0; matrix < kCopied; ++matrix) {
    count += copied_blocks(config_, matrix, params.matrices[matrix].rows);
  }
  return checked_tiles(params.matrices[0].rows, count);  // x or out: the rows that a caller chooses
}

void Kernel::launch(const BackwardParams& params, void* stream) const {
  enqueue(checked_tiles(params), params, stream);
}

void Kernel::launch(const CopyParams& params, void* stream) const { enqueue(checked_tiles(params), params, stream); }

// Whether the kernel itself waits for those before it (ptx/grid_dependency.cuh).
bool Kernel::may_start_early() const {
  return device_->arch().compute_capability >= 90 &&
         (config_.family == Family::wgmma_sm90 || config_.problem.pass == Pass::dgate ||
          config_.problem.pass == Pass::dw_sum);
}

template <typename Params>
void Kernel::enqueue(long long tiles, const Params& params, void* stream) const {
  const auto launch_blocks = [&](long long blocks, const void* arguments) {
    swiglu::launch(function_, {static_cast<unsigned>(blocks), block_, shared_bytes_, may_start_early()}, arguments,
                   static_cast<CUstream>(stream), *device_);
  };
  if constexpr (!std::is_same_v<Params, CopyParams>) {
    if (config_.family == Family::wgmma_sm90) {
      const TmaParams maps = tma_params(config_, params, encode_tensor_map);
      launch_blocks(std::min<long long>(tiles, device_->spec().multiprocessors), &maps);
      return;
    }
  }
  launch_blocks(tiles, &params);
}

std::shared_ptr<const Kernel> load_kernel(const KernelConfig& config, const Device& device) {
  return build(config, device, Policy::compile);
}

std::shared_ptr<const Kernel> get_kernel(const KernelConfig& config, const Device& device, Policy policy) {
  const std::string key = fmt::format("{}@{}", print(config), device.ordinal());
  if (policy == Policy::compile) {
    return loaded_kernels().get(key, [&] { return build(config, device, policy); });
  }
  // Not in the common flight: its NOT_CACHED must not reach those who may compile, and `force` must not be served by
  // it.
  if (policy == Policy::cached_only) {
    if (auto known = loaded_kernels().find(key)) {
      return known;
    }
  }
  auto made = build(config, device, policy);
  loaded_kernels().put(key, made);
  return made;
}

}  // namespace swiglu
