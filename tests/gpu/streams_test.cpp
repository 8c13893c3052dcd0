// Streams of every kind, and many threads and streams on one plan. That work really runs on the stream given is seen by
// its order: the inputs arrive late, on that same stream.
#include <thread>

#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/plan.h"

namespace swiglu_test {
namespace {

constexpr std::size_t kDelayBytes = std::size_t{256} << 20;
constexpr int kDelays = 30;  // memsets of that size: some milliseconds

// x is zeroed; then, on `stream`: a delay, x's real contents, the execution. Empty: the result is that of the real x.
std::string execute_behind_inputs(Trial& trial, swiglu_plan* plan, cudaStream_t stream, const DeviceBuffer& delay) {
  GuardedMatrix& x = *trial.x().matrix;
  const std::size_t bytes = static_cast<std::size_t>(x.rows() * x.leading_dimension()) * 2;
  const DeviceBuffer contents = make_buffer(bytes);
  trial.upload();
  require_cuda(cudaMemcpy(contents.get(), x.device(), bytes, cudaMemcpyDeviceToDevice), "cudaMemcpy");
  require_cuda(cudaMemset(x.device(), 0, bytes), "cudaMemset");
  require_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  for (int i = 0; i < kDelays; ++i) {
    require_cuda(cudaMemsetAsync(delay.get(), i, kDelayBytes, stream), "cudaMemsetAsync");
  }
  require_cuda(cudaMemcpyAsync(x.device(), contents.get(), bytes, cudaMemcpyDeviceToDevice, stream), "cudaMemcpyAsync");
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD_STORE);
  require(swiglu_execute(plan, &args, stream), "swiglu_execute");
  require_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  return trial.verify(SWIGLU_PASS_FORWARD_STORE);
}

}  // namespace

TEST_CASE("streams of every kind are obeyed") {
  const Case test = make_case(kKinds[0], 128, 136, {150});
  const Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), 150), "swiglu_plan_prepare");
  const DeviceBuffer delay = make_buffer(kDelayBytes);
  Trial trial(memory_under_test(), test, 150);
  const Stream blocking = make_stream(cudaStreamDefault);
  const Stream non_blocking = make_stream(cudaStreamNonBlocking);
  cudaStream_t with_priority = nullptr;
  require_cuda(cudaStreamCreateWithPriority(&with_priority, cudaStreamNonBlocking, -1), "cudaStreamCreateWithPriority");
  const Stream owner(with_priority);
  const std::pair<const char*, cudaStream_t> streams[] = {
      {"NULL", nullptr},
      {"legacy", cudaStreamLegacy},
      {"per-thread", cudaStreamPerThread},
      {"blocking", blocking.get()},
      {"non-blocking", non_blocking.get()},
      {"with priority", with_priority},
  };
  for (const auto& [name, stream] : streams) {
    const std::string failure = execute_behind_inputs(trial, plan.get(), stream, delay);
    CHECK_MESSAGE(failure.empty(), name, " stream: ", failure);
  }
}

TEST_CASE("8 threads with 3 streams each on one plan, some of them first to use their m") {
  const Case test = make_case(kKinds[1], 136, 200, {});
  const Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), 64), "swiglu_plan_prepare");
  constexpr std::int64_t kRows[] = {1, 17, 64, 100, 129, 200, 513, 1000};
  std::vector<std::string> failures(std::size(kRows));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    threads.emplace_back([&, i] {
      try {
        const DeviceScope scope(test_device());
        std::vector<Stream> streams;
        std::vector<std::unique_ptr<Trial>> trials;
        for (int s = 0; s < 3; ++s) {
          streams.push_back(make_stream());
          trials.push_back(std::make_unique<Trial>(memory_under_test(), test, kRows[i] + s));
          trials.back()->upload();
        }
        for (int round = 0; round < 20; ++round) {
          for (std::size_t s = 0; s < streams.size(); ++s) {
            const swiglu_forward_args args = trials[s]->args(SWIGLU_PASS_FORWARD_STORE);
            require(swiglu_execute(plan.get(), &args, streams[s].get()), "swiglu_execute");
          }
        }
        for (const auto& trial : trials) {
          failures[i] += trial->verify(SWIGLU_PASS_FORWARD_STORE);
        }
      } catch (const std::exception& error) {
        failures[i] += error.what();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t i = 0; i < failures.size(); ++i) {
    CHECK_MESSAGE(failures[i].empty(), "thread with m = ", kRows[i], ": ", failures[i]);
  }
}

TEST_CASE("a plan may be destroyed while its work is still to run") {
  const Case test = make_case(kKinds[0], 128, 136, {150});
  Trial trial(memory_under_test(), test, 150);
  trial.upload();
  const DeviceBuffer delay = make_buffer(kDelayBytes);
  const Stream stream = make_stream();
  Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), 150), "swiglu_plan_prepare");
  for (int i = 0; i < kDelays; ++i) {
    require_cuda(cudaMemsetAsync(delay.get(), i, kDelayBytes, stream.get()), "cudaMemsetAsync");
  }
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  require(swiglu_execute(plan.get(), &args, stream.get()), "swiglu_execute");
  plan.reset();
  require_cuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
  CHECK(trial.verify(SWIGLU_PASS_FORWARD) == "");
}

}  // namespace swiglu_test
