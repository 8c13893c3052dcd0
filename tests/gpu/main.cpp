// The GPU tests, on every visible GPU: GPU 0 in this process, each other one in a process of its own beside it; or on
// the one that SWIGLU_TEST_DEVICE names. Without a usable GPU: one plain line and success, or failure where
// SWIGLU_REQUIRE_GPU=1 says that there must be one. With SWIGLU_TEST_COMPILE_AHEAD=sm_90a no GPU is looked for: kernels
// that take long to compile are put into the store, to be carried to the machine that has one.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "gpu/child.h"
#include "gpu/cuda_memory.h"
#include "support/random.h"

swiglu_test::Memory& swiglu_test::memory_under_test() {
  static CudaMemory memory(test_device());
  return memory;
}

namespace {

using swiglu_test::ChildResult;

// The other GPUs' processes, from construction to wait().
class OtherDevices {
 public:
  OtherDevices(const std::vector<std::string>& arguments, std::vector<int> devices)
      : devices_(std::move(devices)), results_(devices_.size()) {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      threads_.emplace_back([this, arguments, i] {
        results_[i] = swiglu_test::run_child(arguments, {{swiglu_test::kDeviceVariable, std::to_string(devices_[i])}});
      });
    }
  }

  // Prints what they said; whether all passed.
  bool wait() {
    bool passed = true;
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      threads_[i].join();
      const ChildResult& result = results_[i];
      std::printf("==== GPU %d, exit code %d\n%s", devices_[i], result.exit_code, result.output.c_str());
      passed = passed && result.exit_code == 0;
    }
    return passed;
  }

 private:
  std::vector<int> devices_;
  std::vector<ChildResult> results_;
  std::vector<std::jthread> threads_;
};

std::vector<int> other_usable_devices() {
  std::vector<int> devices;
  for (int device = 1; device < swiglu_test::device_count(); ++device) {
    if (swiglu_test::why_no_gpu(device).empty()) {
      devices.push_back(device);
    }
  }
  return devices;
}

// Tests are to be run, not to be listed or counted.
bool runs_tests(const std::vector<std::string>& arguments) {
  return std::none_of(arguments.begin(), arguments.end(), [](std::string_view argument) {
    argument.remove_prefix(std::min(argument.find_first_not_of('-'), argument.size()));
    argument = argument.substr(argument.starts_with("dt-") ? 3 : 0);
    return argument.starts_with("l") || argument.starts_with("h") || argument.starts_with("?") || argument == "c" ||
           argument == "count" || argument == "v" || argument == "version";
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (!swiglu_test::from_environment(swiglu_test::kCompileAheadVariable).empty()) {
    doctest::Context context(argc, argv);
    context.setOption("test-case", "compile ahead: *");
    context.setOption("no-skip", true);
    return context.run();
  }
  const int device = swiglu_test::test_device();
  const std::string reason = swiglu_test::why_no_gpu(device);
  if (!reason.empty()) {
    const bool is_required = swiglu_test::from_environment("SWIGLU_REQUIRE_GPU") == "1";
    std::printf("no GPU: gpu tests %s (%s)\n", is_required ? "FAILED: SWIGLU_REQUIRE_GPU=1" : "skipped",
                reason.c_str());
    return is_required ? 1 : 0;
  }
  swiglu_test::require_cuda(cudaSetDevice(device), "cudaSetDevice");
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool on_all = swiglu_test::from_environment(swiglu_test::kDeviceVariable).empty() && runs_tests(arguments);
  OtherDevices others(arguments, on_all ? other_usable_devices() : std::vector<int>());
  std::printf("GPU %d, %s, %s\n", device, swiglu_test::arch_of(device).c_str(), swiglu_test::seed_text().c_str());
  const int own = doctest::Context(argc, argv).run();
  return others.wait() ? own : 1;
}
