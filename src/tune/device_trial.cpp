#include "tune/device_trial.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/spelling.h"
#include "kernels/kernels.h"
#include "tune/block_errors.h"
#include "tune/estimate.h"
#include "tune/operands.h"
#include "tune/space.h"

namespace swiglu {
namespace {

constexpr double kMostSimtSeconds = 20e-3;  // that the trusted kernel may take to compute every row
constexpr std::int64_t kBandRows = 64;
constexpr std::int64_t kBands = 6;       // of rows that simt computes where all would take too long
constexpr unsigned char kPoison = 0xff;  // NaN, in bf16 as in f16

// The device is ours for a scope, whatever the calling thread was doing.
class Scope {
 public:
  explicit Scope(const Device& device) : current_(device) {}

 private:
  RelaxedCapture relaxed_;
  CurrentContext current_;
};

std::size_t sets_for(std::size_t bytes, std::size_t l2_bytes, int launches, const TimingPolicy& policy) {
  if (launches == 1) {
    return 1;  // the flush empties the cache
  }
  const std::size_t sets = (policy.times_l2 * l2_bytes + bytes - 1) / bytes;
  return std::clamp<std::size_t>(sets, 2, static_cast<std::size_t>(launches));
}

std::optional<KernelConfig> first_of(Family family, const Problem& problem, const Device& device) {
  for (const KernelConfig& config : candidates(problem, device.arch(), device.spec())) {
    if (config.family == family) {
      return config;
    }
  }
  return std::nullopt;
}

// First rows of bands, evenly spread, the first and the last included.
std::vector<std::int64_t> band_starts(std::int64_t m) {
  std::vector<std::int64_t> starts;
  const std::int64_t last = std::max<std::int64_t>(0, m - kBandRows);
  for (std::int64_t i = 0; i < kBands; ++i) {
    const std::int64_t start = last * i / (kBands - 1);
    if (starts.empty() || start > starts.back()) {
      starts.push_back(start);
    }
  }
  return starts;
}

template <typename Pointer>
Pointer* rows_on(Pointer* matrix, std::int64_t rows, std::int64_t ld) {
  using Byte = std::conditional_t<std::is_const_v<Pointer>, const std::byte, std::byte>;
  return matrix == nullptr ? nullptr : static_cast<Byte*>(matrix) + rows * ld * kElementBytes;
}

// The same problem from row `first` on.
ForwardParams band(const ForwardParams& params, std::int64_t first, std::int64_t rows) {
  ForwardParams part = params;
  part.x = rows_on(params.x, first, params.ld_x);
  part.out = rows_on(params.out, first, params.ld_out);
  part.g = rows_on(params.g, first, params.ld_g);
  part.u = rows_on(params.u, first, params.ld_u);
  part.m = rows;
  return part;
}

}  // namespace

int launches_for(double seconds, const TimingPolicy& policy) {
  if (seconds >= policy.short_seconds) {
    return 1;
  }
  const double wanted = std::ceil(policy.window_seconds / std::max(seconds, 1e-9));
  return static_cast<int>(
      std::clamp(wanted, static_cast<double>(policy.fewest_launches), static_cast<double>(policy.most_launches)));
}

struct DeviceTrial::Parts {
  Parts(const Problem& of, std::int64_t rows, const Device& device, std::size_t sets, std::size_t flush_bytes)
      : problem(of),
        m(rows),
        kernels(TrialKernels::get(device)),
        operands(of, rows, sets, *kernels, stream),
        flush(flush_bytes) {}

  struct Loaded {
    std::shared_ptr<const Kernel> kernel;
    GraphExecHandle graph;  // where a sample is more than one execution
  };

  const Loaded& at(const KernelConfig& config) const {
    const auto found = loaded.find(print(config));
    if (found == loaded.end()) {
      fail(SWIGLU_INTERNAL, "{} was not loaded before it was tried", print(config));
    }
    return found->second;
  }

  ForwardParams expected_params() const {
    ForwardParams params = operands.set(0);
    const std::size_t bytes = expected.bytes() / static_cast<std::size_t>(outputs());
    params.out = expected.at(0);
    params.g = params.g != nullptr ? expected.at(bytes) : nullptr;
    params.u = params.u != nullptr ? expected.at(2 * bytes) : nullptr;
    return params;
  }

  int outputs() const { return problem.pass == Pass::forward_store ? 3 : 1; }
  std::size_t output_bytes() const {
    return static_cast<std::size_t>(m) * static_cast<std::size_t>(operands.set(0).ld_out) * kElementBytes;
  }

  void poison(const ForwardParams& params) const {
    for (void* matrix : {params.out, params.g, params.u}) {
      if (matrix != nullptr) {
        stream.fill(matrix, kPoison, output_bytes());
      }
    }
  }

  // Every output of both, over params.m rows.
  std::string compare(const ForwardParams& want, const ForwardParams& got) {
    const std::pair<const void*, const void*> matrices[] = {{want.out, got.out}, {want.g, got.g}, {want.u, got.u}};
    const char* names[] = {"out", "g", "u"};
    const auto blocks =
        static_cast<std::size_t>(ceil_div(got.m, kErrorBlock) * ceil_div(problem.d_intermediate, kErrorBlock));
    if (sums.bytes() < blocks * 2 * sizeof(float)) {
      sums = DeviceMemory(blocks * 2 * sizeof(float));
    }
    std::vector<float> host(blocks * 2);
    for (int i = 0; i < outputs(); ++i) {
      kernels->block_errors({matrices[i].first, matrices[i].second, static_cast<float*>(sums.at()), got.m,
                             problem.d_intermediate, want.ld_out, got.ld_out, problem.dtype == DType::f16},
                            stream.get());
      stream.read(std::as_writable_bytes(std::span(host)), sums.at());
      const std::string why = why_different(host, got.m, problem.d_intermediate, block_error_limit(problem));
      if (!why.empty()) {
        return std::string(names[i]) + " has " + why;
      }
    }
    return "";
  }

  Problem problem;
  std::int64_t m;
  WorkStream stream;
  Interval interval;
  std::shared_ptr<const TrialKernels> kernels;
  Operands operands;
  DeviceMemory flush;
  DeviceMemory expected;  // what the trusted kernel made of the first set; nothing yet: 0 bytes
  DeviceMemory sums;
  std::string why_untrusted;  // the trusted kernels failed
  std::map<std::string, Loaded> loaded;
};

DeviceTrial::DeviceTrial(const Problem& problem, std::int64_t m, const Device& device, double expected_seconds,
                         const TimingPolicy& policy)
    : problem_(problem), m_(m), device_(device), policy_(policy), launches_(launches_for(expected_seconds, policy)) {
  const Scope scope(device_);
  const std::size_t l2_bytes = device.l2_bytes();
  parts_ = std::make_unique<Parts>(problem, m, device, sets_for(operand_bytes(problem, m), l2_bytes, launches_, policy),
                                   policy.times_l2 * l2_bytes);
}

DeviceTrial::~DeviceTrial() {
  try {
    const Scope scope(device_);
    parts_.reset();
  } catch (const Error&) {  // the driver is gone, or the context broken: each part copes with that
    parts_.reset();
  }
}

std::size_t DeviceTrial::sets() const { return parts_->operands.sets(); }

void DeviceTrial::compile(const KernelConfig& config) { get_cubin(config, device_.arch().name, Policy::compile); }

std::vector<KernelConfig> DeviceTrial::trusted() const {
  std::vector<KernelConfig> configs;
  const std::optional<KernelConfig> simt = first_of(Family::simt, problem_, device_);
  if (simt) {
    configs.push_back(*simt);
  }
  const std::optional<KernelConfig> mma = first_of(Family::mma_sm80, problem_, device_);
  if (mma && (!simt || estimate(*simt, m_, device_.spec()).seconds > kMostSimtSeconds)) {
    configs.push_back(*mma);
  }
  return configs;
}

void DeviceTrial::load(const KernelConfig& config) {
  const Scope scope(device_);
  Parts& parts = *parts_;
  Parts::Loaded made;
  made.kernel = get_kernel(config, device_, Policy::compile);
  if (launches_ > 1) {
    made.kernel->launch(parts.operands.set(0), parts.stream.get());
    parts.stream.synchronize();  // a kernel that fails does so here, not in a capture
    made.graph = parts.stream.capture([&] {
      for (int i = 0; i < launches_; ++i) {
        made.kernel->launch(parts.operands.set(static_cast<std::size_t>(i)), parts.stream.get());
      }
    });
  }
  parts.loaded.insert_or_assign(print(config), std::move(made));
}

void DeviceTrial::unload(const KernelConfig& config) {
  try {
    const Scope scope(device_);
    parts_->loaded.erase(print(config));
  } catch (const Error&) {  // as in the destructor
    parts_->loaded.erase(print(config));
  }
}

std::string DeviceTrial::check(const KernelConfig& config) {
  const Scope scope(device_);
  Parts& parts = *parts_;
  if (!parts.why_untrusted.empty()) {
    fail(SWIGLU_INTERNAL, "nothing can be checked: {}", parts.why_untrusted);
  }
  if (parts.expected.bytes() == 0) {
    make_expected();
  }
  const ForwardParams& params = parts.operands.set(0);
  parts.poison(params);
  parts.at(config).kernel->launch(params, parts.stream.get());
  return parts.compare(parts.expected_params(), params);
}

// Where there are two trusted kernels the second computes all rows, and the first, the slow one, bands of them.
void DeviceTrial::make_expected() {
  Parts& parts = *parts_;
  const std::vector<KernelConfig> configs = trusted();
  parts.expected = DeviceMemory(static_cast<std::size_t>(parts.outputs()) * parts.output_bytes());
  try {
    const ForwardParams expected = parts.expected_params();
    parts.poison(expected);
    get_kernel(configs.back(), device_, Policy::compile)->launch(expected, parts.stream.get());
    if (configs.size() > 1) {
      const auto simt = get_kernel(configs.front(), device_, Policy::compile);
      const ForwardParams& scratch = parts.operands.set(0);
      for (const std::int64_t first : band_starts(m_)) {
        const std::int64_t rows = std::min(kBandRows, m_ - first);
        simt->launch(band(scratch, first, rows), parts.stream.get());
        const std::string why = parts.compare(band(scratch, first, rows), band(expected, first, rows));
        if (!why.empty()) {
          fail(SWIGLU_INTERNAL, "{} disagrees with {} in rows {} to {}: {}", print(configs.back()),
               print(configs.front()), first, first + rows - 1, why);
        }
      }
    }
    parts.stream.synchronize();
  } catch (const Error& error) {
    parts.expected = DeviceMemory();
    parts.why_untrusted = error.what();
    throw;
  }
}

double DeviceTrial::time(const KernelConfig& config) {
  const Scope scope(device_);
  const Parts& parts = *parts_;
  const Parts::Loaded& candidate = parts.at(config);
  std::this_thread::sleep_for(std::chrono::duration<double>(policy_.idle_seconds));
  parts.stream.fill(parts.flush.at(), 0, parts.flush.bytes());  // long enough for the host to enqueue all of the rest
  parts.interval.begin(parts.stream);
  if (launches_ > 1) {
    parts.stream.launch(candidate.graph);
  } else {
    candidate.kernel->launch(parts.operands.set(0), parts.stream.get());
  }
  parts.interval.end(parts.stream);
  parts.stream.synchronize();
  return parts.interval.seconds() / launches_;
}

}  // namespace swiglu
