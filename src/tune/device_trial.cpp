#include "tune/device_trial.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/spelling.h"
#include "kernels/kernels.h"
#include "tune/block_errors.h"
#include "tune/estimate.h"
#include "tune/median.h"
#include "tune/operands.h"
#include "tune/space.h"

namespace swiglu {
namespace {

constexpr double kMostSimtSeconds = 20e-3;  // that the trusted kernel may take to compute every row
constexpr std::int64_t kBandRows = 64;      // tokens
constexpr std::int64_t kBands = 6;          // of rows that simt computes where all would take too long
constexpr double kLargestShare = 0.75;      // of a bucket's largest m in the mean of its ends
constexpr std::size_t kLeastSamples = 3;    // at its smallest m
constexpr unsigned char kPoison = 0xff;     // NaN, in bf16 as in f16

std::mutex& mutex_of(const Device& device) {
  struct All {
    std::mutex mutex;
    std::map<int, std::mutex> by_ordinal;
  };
  static auto* const all = new All;  // leaked, as all that outlives static objects
  const std::lock_guard lock(all->mutex);
  return all->by_ordinal[device.ordinal()];
}

// The device is ours for a scope, whatever the calling thread was doing.
class Scope {
 public:
  explicit Scope(const Device& device) : turn_(mutex_of(device)), current_(device) {}

 private:
  std::lock_guard<std::mutex> turn_;
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

}  // namespace

int launches_for(double seconds, const TimingPolicy& policy) {
  if (seconds >= policy.short_seconds) {
    return 1;
  }
  const double wanted = std::ceil(policy.window_seconds / std::max(seconds, 1e-9));
  return static_cast<int>(
      std::clamp(wanted, static_cast<double>(policy.fewest_launches), static_cast<double>(policy.most_launches)));
}

double mean_of_ends(double at_most_m, double at_least_m) {
  return std::pow(at_most_m, kLargestShare) * std::pow(at_least_m, 1 - kLargestShare);
}

struct DeviceTrial::Parts {
  Parts(const Problem& of, std::int64_t rows, const Device& on, std::size_t sets, std::size_t flush_bytes)
      : problem(of),
        m(rows),
        device(on),
        kernels(TrialKernels::get(on)),
        operands(of, rows, on.spec().multiprocessors, sets, *kernels, stream),
        flush(flush_bytes) {}
  ~Parts() { finish(); }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  // Before anything is unloaded: a launch that failed may have left others under way.
  void finish() const {
    try {
      stream.synchronize();
    } catch (const Error&) {  // the context is broken, and nothing runs in it
    }
  }

  // Where a sample is more than one execution, graphs of them.
  struct Loaded {
    std::shared_ptr<const Kernel> kernel;
    GraphExecHandle graph;
    GraphExecHandle graph_of_least;
  };

  const Loaded& at(const KernelConfig& config) const {
    const auto found = loaded.find(print(config));
    if (found == loaded.end()) {
      fail(SWIGLU_INTERNAL, "{} was not loaded before it was tried", print(config));
    }
    return found->second;
  }

  Arguments tokens(const Arguments& arguments, std::int64_t first, std::int64_t count) const {
    return tokens_of(problem, arguments, first, count, device.spec().multiprocessors);
  }

  GraphExecHandle capture(const Kernel& kernel, std::int64_t rows, int launches) const {
    return stream.capture([&] {
      for (int i = 0; i < launches; ++i) {
        swiglu::launch(kernel, tokens(operands.set(static_cast<std::size_t>(i)), 0, rows), stream.get());
      }
    });
  }

  // Seconds of one sample, after a pause and out of a cold cache.
  double sample(const Loaded& candidate, std::int64_t rows, int launches, const TimingPolicy& policy) const {
    std::this_thread::sleep_for(std::chrono::duration<double>(policy.idle_seconds));
    stream.fill(flush.at(), 0, flush.bytes());  // long enough for the host to enqueue all of the rest
    interval.begin(stream);
    if (launches > 1) {
      stream.launch(rows == m ? candidate.graph : candidate.graph_of_least);
    } else {
      swiglu::launch(*candidate.kernel, tokens(operands.set(0), 0, rows), stream.get());
    }
    interval.end(stream);
    stream.synchronize();
    return interval.seconds() / launches;
  }

  // A trusted kernel, loaded when it is first wanted.
  void launch_trusted(const KernelConfig& config, const Arguments& arguments) {
    std::shared_ptr<const Kernel>& kernel = trusted[print(config)];
    if (kernel == nullptr) {
      kernel = load_kernel(config, device);
    }
    swiglu::launch(*kernel, arguments, stream.get());
  }

  void poison(Arguments arguments) const {
    for (const Matrix& matrix : matrices_of(problem, arguments)) {
      if (matrix.is_output) {
        stream.fill(*matrix.pointer, kPoison, bytes_of(matrix));
      }
    }
  }

  // Every output of both: why they differ.
  std::string compare(Arguments want, Arguments got) {
    const std::int64_t tokens = std::visit([](const auto& params) { return std::int64_t{params.m}; }, got);
    const std::vector<Matrix> wanted = matrices_of(problem, want);
    const std::vector<Matrix> gotten = matrices_of(problem, got);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const Matrix& matrix = wanted[i];
      if (!matrix.is_output) {
        continue;
      }
      const auto blocks =
          static_cast<std::size_t>(ceil_div(matrix.rows, kErrorBlock) * ceil_div(matrix.columns, kErrorBlock));
      if (sums.bytes() < blocks * 2 * sizeof(float)) {
        sums = DeviceMemory(blocks * 2 * sizeof(float));
      }
      kernels->block_errors({*matrix.pointer, *gotten[i].pointer, static_cast<float*>(sums.at()), matrix.rows,
                             matrix.columns, *matrix.ld, *gotten[i].ld, matrix.type},
                            stream.get());
      std::vector<float> host(blocks * 2);
      stream.read(std::as_writable_bytes(std::span(host)), sums.at());
      const double limit = block_error_limit(problem, tokens, matrix.type);
      const std::string why = why_different(host, matrix.rows, matrix.columns, limit);
      if (!why.empty()) {
        return std::string(matrix.name) + " has " + why;
      }
    }
    return "";
  }

  Problem problem;
  std::int64_t m;
  const Device& device;
  WorkStream stream;
  Interval interval;
  std::shared_ptr<const TrialKernels> kernels;
  Operands operands;
  DeviceMemory flush;
  std::optional<Outputs> expected;  // what the trusted kernel made of the first set
  DeviceMemory sums;
  std::string why_untrusted;  // the trusted kernels failed
  std::map<std::string, std::shared_ptr<const Kernel>> trusted;
  std::map<std::string, Loaded> loaded;
  struct Samples {
    std::vector<double> at_m;
    std::vector<double> at_least;
  };
  std::map<std::string, Samples> samples;
};

DeviceTrial::DeviceTrial(const Problem& problem, std::int64_t m, const Device& device, double expected_seconds,
                         const TimingPolicy& policy, std::int64_t least_m)
    : problem_(problem),
      m_(m),
      least_m_(least_m > 0 ? least_m : m),
      device_(device),
      policy_(policy),
      launches_(launches_for(expected_seconds, policy)) {
  const Scope scope(device_);
  const std::size_t l2_bytes = device.l2_bytes();
  parts_ = std::make_unique<Parts>(
      problem, m, device,
      sets_for(operand_bytes(problem, m, device.spec().multiprocessors), l2_bytes, launches_, policy),
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
  const std::optional<KernelConfig> simt = first_of(Family::simt, problem_, device_.arch(), device_.spec());
  if (simt) {
    configs.push_back(*simt);
  }
  const std::optional<KernelConfig> mma = first_of(Family::mma_sm80, problem_, device_.arch(), device_.spec());
  if (mma && (!simt || estimate(*simt, m_, device_.spec()).seconds > kMostSimtSeconds)) {
    configs.push_back(*mma);
  }
  return configs;
}

void DeviceTrial::load(const KernelConfig& config) {
  const Scope scope(device_);
  Parts& parts = *parts_;
  Parts::Loaded made;
  made.kernel = load_kernel(config, device_);
  if (launches_ > 1) {
    swiglu::launch(*made.kernel, parts.operands.set(0), parts.stream.get());
    parts.stream.synchronize();  // a kernel that fails does so here, not in a capture
    made.graph = parts.capture(*made.kernel, m_, launches_);
    if (least_m_ != m_) {
      made.graph_of_least = parts.capture(*made.kernel, least_m_, launches_);
    }
  }
  parts.loaded.insert_or_assign(print(config), std::move(made));
}

void DeviceTrial::unload(const KernelConfig& config) {
  try {
    const Scope scope(device_);
    parts_->finish();
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
  if (!parts.expected) {
    make_expected();
  }
  const Arguments& arguments = parts.operands.set(0);
  parts.poison(arguments);
  swiglu::launch(*parts.at(config).kernel, arguments, parts.stream.get());
  return parts.compare(parts.expected->arguments, arguments);
}

// Where there are two trusted kernels the second computes everything, and the first, the slow one, bands of tokens of
// it; gradients of the weights, sums over all tokens, both compute over bands of tokens first.
void DeviceTrial::make_expected() {
  Parts& parts = *parts_;
  const std::vector<KernelConfig> configs = trusted();
  try {
    Outputs expected = make_outputs(problem_, parts.operands.set(0));
    const auto compute_all = [&] {
      parts.poison(expected.arguments);
      parts.launch_trusted(configs.back(), expected.arguments);
    };
    compute_all();
    for (const std::int64_t first : configs.size() > 1 ? band_starts(m_) : std::vector<std::int64_t>()) {
      const std::int64_t count = std::min(kBandRows, m_ - first);
      const Arguments want = parts.tokens(expected.arguments, first, count);
      const Arguments got = parts.tokens(parts.operands.set(0), first, count);
      if (is_dw(problem_.pass)) {
        parts.launch_trusted(configs.back(), want);
      }
      parts.launch_trusted(configs.front(), got);
      const std::string why = parts.compare(want, got);
      if (!why.empty()) {
        fail(SWIGLU_INTERNAL, "{} disagrees with {} on tokens {} to {}: {}", print(configs.back()),
             print(configs.front()), first, first + count - 1, why);
      }
    }
    if (is_dw(problem_.pass) && configs.size() > 1) {
      compute_all();
    }
    parts.stream.synchronize();
    parts.trusted.clear();
    parts.expected = std::move(expected);
  } catch (const Error& error) {
    parts.why_untrusted = error.what();
    throw;
  }
}

double DeviceTrial::probe(const KernelConfig& config) {
  const Scope scope(device_);
  const double seconds = parts_->sample(parts_->at(config), m_, launches_, policy_);
  parts_->samples[print(config)].at_m.push_back(seconds);
  return seconds;
}

double DeviceTrial::time(const KernelConfig& config) {
  const double at_m = probe(config);
  if (least_m_ == m_) {
    return at_m;
  }
  const Scope scope(device_);
  std::vector<double>& at_least = parts_->samples[print(config)].at_least;
  if (at_least.size() < kLeastSamples) {
    at_least.push_back(parts_->sample(parts_->at(config), least_m_, launches_, policy_));
  }
  return mean_of_ends(at_m, median(at_least));
}

double DeviceTrial::seconds_at_m(const KernelConfig& config) const {
  const auto found = parts_->samples.find(print(config));
  return found == parts_->samples.end() ? 0 : median(found->second.at_m);
}

}  // namespace swiglu
