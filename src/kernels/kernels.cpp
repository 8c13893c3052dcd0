#include "kernels/kernels.h"

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "base/spelling.h"
#include "jit/source.h"
#include "kernels/loaded_unit.h"
#include "kernels/single_flight.h"
#include "kernels/tma_params.h"

namespace swiglu {
namespace {

using KernelPointer = std::shared_ptr<const Kernel>;

SingleFlight<Kernel>& loaded_kernels() {
  static auto* const instance = new SingleFlight<Kernel>;  // leaked: nothing is unloaded while the process ends
  return *instance;
}

KernelPointer build(const KernelConfig& config, const Device& device, Policy policy) {
  std::vector<const char*> names{kKernelName};
  if (has_gradients_ahead(config.problem.pass)) {
    names.push_back(kClearName);
  }
  return std::make_shared<const Kernel>(config, device, load_unit(unit_of(config), names, device, policy));
}

}  // namespace

Kernel::Kernel(const KernelConfig& config, const Device& device, LoadedUnit unit)
    : config_(config),
      device_(&device),
      cubin_(std::move(unit.cubin)),
      library_(std::move(unit.library)),
      function_(unit.functions.front()),
      clear_(unit.functions.size() > 1 ? unit.functions.back() : nullptr),
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

// Whether the kernel itself waits for those before it (ptx/grid_dependency.cuh). Not where it follows the forward pass
// and has better not come one by one (lets_next_begin_early() in swiglu/wgmma_shape.cuh).
bool Kernel::may_start_early(long long m) const {
  if (config_.problem.pass == Pass::recompute && tiles_m(config_, m) > 1) {
    return false;
  }
  return device_->arch().compute_capability >= 90 &&
         (config_.family == Family::wgmma_sm90 || config_.problem.pass == Pass::dgate ||
          config_.problem.pass == Pass::dw_sum);
}

template <typename Params>
void Kernel::enqueue(long long tiles, const Params& params, void* stream) const {
  const auto launch = [&](CUfunction function, long long blocks, unsigned threads, unsigned shared, bool early,
                          const void* arguments, unsigned cluster = 1) {
    swiglu::launch(function, {static_cast<unsigned>(blocks), threads, shared, early, cluster}, arguments,
                   static_cast<CUstream>(stream), *device_);
  };
  if constexpr (std::is_same_v<Params, CopyParams>) {
    launch(function_, tiles, block_, shared_bytes_, false, &params);
  } else if (config_.family != Family::wgmma_sm90) {
    launch(function_, tiles, block_, shared_bytes_, may_start_early(params.m), &params);
  } else {
    const int multiprocessors = device_->spec().multiprocessors;
    TmaParams maps = tma_params(config_, params, encode_tensor_map);
    maps.walkers = static_cast<unsigned>(walking_blocks(config_, tiles, multiprocessors));
    const bool early = may_start_early(params.m);
    if (clear_ != nullptr) {
      launch(clear_, clear_blocks(config_.problem, params.m), kClearThreads, 0, early, &maps);
    }
    const int cluster = cluster_blocks(config_, params.m);
    launch(function_, resident_blocks(config_, tiles, multiprocessors, cluster), block_, shared_bytes_, early, &maps,
           static_cast<unsigned>(cluster));
  }
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
