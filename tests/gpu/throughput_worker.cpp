#include "gpu/throughput_worker.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <thread>

#include "gpu/cublaslt.h"
#include "gpu/cuda_memory.h"
#include "support/number_format.h"
#include "support/plan.h"

namespace swiglu_test {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{256} << 20;  // several times any L2
constexpr auto kPause = std::chrono::milliseconds(3);        // lets clocks recover: a burst, not a sustained load
constexpr int kPerGraph = 10;

using Enqueue = std::function<void(cudaStream_t)>;

class Timer {
 public:
  explicit Timer(Enqueue enqueue) : enqueue_(std::move(enqueue)) {
    enqueue_(stream_.get());  // warm-up
    wait();
    require_cuda(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    for (int i = 0; i < kPerGraph; ++i) {
      enqueue_(stream_.get());
    }
    cudaGraph_t captured = nullptr;
    require_cuda(cudaStreamEndCapture(stream_.get(), &captured), "cudaStreamEndCapture");
    const Graph graph(captured);
    cudaGraphExec_t executable = nullptr;
    require_cuda(cudaGraphInstantiate(&executable, graph.get(), 0), "cudaGraphInstantiate");
    graph_.reset(executable);
  }

  std::vector<double> burst(int count) {
    std::vector<double> seconds;
    for (int i = 0; i < count; ++i) {
      std::this_thread::sleep_for(kPause);
      require_cuda(cudaMemsetAsync(flush_.get(), i, kFlushBytes, stream_.get()), "cudaMemsetAsync");
      require_cuda(cudaEventRecord(start_.get(), stream_.get()), "cudaEventRecord");
      enqueue_(stream_.get());
      seconds.push_back(stop());
    }
    return seconds;
  }

  // Graph replays for about this long.
  double sustained(double wanted_seconds) {
    require_cuda(cudaEventRecord(start_.get(), stream_.get()), "cudaEventRecord");
    require_cuda(cudaGraphLaunch(graph_.get(), stream_.get()), "cudaGraphLaunch");
    const double one = stop();
    const int replays = std::max(1, static_cast<int>(std::min(1e5, wanted_seconds / std::max(one, 1e-7))));
    require_cuda(cudaEventRecord(start_.get(), stream_.get()), "cudaEventRecord");
    for (int i = 0; i < replays; ++i) {
      require_cuda(cudaGraphLaunch(graph_.get(), stream_.get()), "cudaGraphLaunch");
    }
    return stop() / (replays * kPerGraph);
  }

 private:
  void wait() { require_cuda(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize"); }

  double stop() {
    require_cuda(cudaEventRecord(end_.get(), stream_.get()), "cudaEventRecord");
    wait();
    float milliseconds = 0;
    require_cuda(cudaEventElapsedTime(&milliseconds, start_.get(), end_.get()), "cudaEventElapsedTime");
    return milliseconds / 1000.0;
  }

  Enqueue enqueue_;
  Stream stream_ = make_stream();
  Event start_ = make_event();
  Event end_ = make_event();
  GraphExec graph_;
  DeviceBuffer flush_ = make_buffer(kFlushBytes);
};

int serve(Timer& timer) {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    double number = 0;
    words >> command >> number;
    if (command == "burst") {
      for (const double seconds : timer.burst(static_cast<int>(number))) {
        std::printf("%.9f ", seconds);
      }
    } else {
      std::printf("%.9f", timer.sustained(number));
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}

void say_ready(double error, const std::string& what) {
  std::printf("ready %.3e %s\n", error, what.c_str());
  std::fflush(stdout);
}

int say_failed(const std::string& why) {
  std::string line = why;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::printf("failed %s\n", line.c_str());
  return 1;
}

// "128x128x32_s4_w2x2_g16 (mma_sm80, 168 registers)"
std::string kernel_in_use(const std::string& description) {
  const nlohmann::json whole = nlohmann::json::parse(description);
  for (const auto& [name, value] : whole.items()) {
    if (value.is_array() && !value.empty() && value[0].contains("tile")) {
      const nlohmann::json& kernel = value[0];  // the first pass, at its best alignment
      return kernel.at("tile").get<std::string>() + " (" + kernel.value("family", "?") + ", " +
             std::to_string(kernel.value("registers", 0)) + " registers)";
    }
  }
  return "(kernel not described)";
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int work_swiglu(const Case& test) try {
  const std::int64_t m = test.m.front();
  const Plan plan = make_plan(plan_desc(test, 0));
  require(swiglu_plan_prepare(plan.get(), m), "swiglu_plan_prepare");
  CudaMemory memory(0);
  Trial trial(memory, test, m);
  trial.upload();
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  require(swiglu_execute(plan.get(), &args, nullptr), "swiglu_execute");
  const std::string failure = trial.verify(SWIGLU_PASS_FORWARD);
  if (!failure.empty()) {
    return say_failed("wrong result: " + failure);
  }
  Timer timer([&](cudaStream_t stream) { require(swiglu_execute(plan.get(), &args, stream), "swiglu_execute"); });
  say_ready(trial.worst().error, kernel_in_use(describe(plan.get(), m)));
  return serve(timer);
} catch (const std::exception& error) {
  return say_failed(error.what());
}

int work_cublaslt(const Case& packed, bool default_algorithm) try {
  const std::int64_t m = packed.m.front();
  CublasLtGemm gemm(
      {packed.dtype == SWIGLU_BF16, packed.layout == SWIGLU_KN, m, packed.d_model, packed.d_intermediate});
  CudaMemory memory(0);
  Trial trial(memory, packed, m);  // weights gate|up, and g|u as the output
  trial.upload();
  const void* x = trial.x().device();
  const void* w = trial.w_gate().device();
  void* y = trial.g().device();
  const auto timer_of = [&](int algorithm) {
    gemm.choose(algorithm);
    return std::make_unique<Timer>([&](cudaStream_t stream) { gemm.enqueue(x, w, y, stream); });
  };
  int best = 0;
  double best_seconds = INFINITY;
  for (int algorithm = 0; !default_algorithm && algorithm < gemm.algorithms(); ++algorithm) {
    const double seconds = median(timer_of(algorithm)->burst(5));
    best = seconds < best_seconds ? algorithm : best;
    best_seconds = std::min(seconds, best_seconds);
  }
  const auto timer = timer_of(best);
  trial.download_outputs();
  Comparison comparison = compare(trial.g(), Output::g, SWIGLU_ACCUM_F32, trial.reference(), {});
  comparison.failure += compare(trial.u(), Output::u, SWIGLU_ACCUM_F32, trial.reference(), {}).failure;
  if (!comparison.failure.empty()) {
    return say_failed("wrong result: " + comparison.failure);
  }
  say_ready(comparison.error, "cuBLASLt " + gemm.version() + " GEMM only, " +
                                  (default_algorithm ? "heuristic's first"
                                                     : std::string("best of ") + std::to_string(gemm.algorithms())));
  return serve(*timer);
} catch (const std::exception& error) {
  return say_failed(error.what());
}

}  // namespace swiglu_test
