// Plans that measure, on a real GPU: they compute what others compute, leave captures and buffers alone, keep their
// time, and find in a fresh process what they measured. What the choice itself is worth: tests/tuning/tuner_check.cpp.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <thread>

#include "gpu/child.h"
#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/plan.h"
#include "support/random.h"
#include "support/scratch_directory.h"

namespace swiglu_test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kChildName = "child: measure once";
constexpr double kGoalColdSeconds = 5;
constexpr double kGoalShippedSeconds = 1.5;
constexpr double kGoalWarmMilliseconds = 10;
constexpr double kFactor = 2;  // for a busy machine; the numbers are printed

swiglu_plan_desc measuring(const Case& test) {
  swiglu_plan_desc desc = plan_desc(test, test_device());
  desc.tuning = SWIGLU_TUNING_MEASURE;
  return desc;
}

bool is_by_measurement(const std::string& description) {
  return description.find("\"choice\":\"measured\"") != std::string::npos ||
         description.find("\"choice\":\"user record\"") != std::string::npos;
}

// Of a description, the first value of that name.
std::string value_in(const std::string& description, const std::string& name) {
  const std::size_t at = description.find("\"" + name + "\":");
  const std::string text = at == std::string::npos ? "" : description.substr(at + name.size() + 3);
  return text.substr(0, text.find_first_of(",}"));
}

double number_in(const std::string& output, const std::string& name) {
  const std::size_t at = output.find(name + "=");
  return at == std::string::npos ? -1 : std::atof(output.c_str() + at + name.size() + 1);
}

std::string word_in(const std::string& output, const std::string& name) {
  const std::size_t at = output.find(name + "=");
  return at == std::string::npos ? ""
                                 : output.substr(at + name.size() + 1, output.find('\n', at) - at - name.size() - 1);
}

}  // namespace

TEST_CASE("what was chosen by measuring computes what it should, of every kind") {
  for (const Kind& kind : kKinds) {
    Case test = make_case(kind, 520, 776, {300});
    Trial trial(memory_under_test(), test, 300);
    trial.upload();
    const Plan plan = make_plan(measuring(test));
    CHECK(is_by_measurement(describe(plan.get(), 300)));
    CHECK_MESSAGE(trial.verify_untouched() == "", "measuring must not touch the caller's memory");
    for (const std::uint32_t pass : {SWIGLU_PASS_FORWARD, SWIGLU_PASS_FORWARD_STORE}) {
      const swiglu_forward_args args = trial.args(pass);
      REQUIRE_MESSAGE(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK, last_error());
      CHECK_MESSAGE(trial.verify(pass) == "", spelling(test));
      trial.upload();
    }
  }
}

TEST_CASE("tuning and another thread's capture in global mode leave each other alone") {
  const Case test = make_case(kKinds[0], 128, 136, {150});
  Trial trial(memory_under_test(), test, 150);
  trial.upload();
  const Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), 150), "swiglu_plan_prepare");
  const Stream stream = make_stream();
  require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  std::string description;
  std::thread other([&] {
    const Plan tuned = make_plan(measuring(make_case(kKinds[0], 648, 904, {200})));
    description = describe(tuned.get(), 200);
  });
  other.join();
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  const swiglu_status status = swiglu_execute(plan.get(), &args, stream.get());
  cudaGraph_t captured = nullptr;
  const cudaError_t ended = cudaStreamEndCapture(stream.get(), &captured);
  const Graph graph(captured);
  CHECK(is_by_measurement(description));
  REQUIRE(status == SWIGLU_OK);
  REQUIRE(ended == cudaSuccess);
  cudaGraphExec_t made = nullptr;
  require_cuda(cudaGraphInstantiate(&made, graph.get(), 0), "cudaGraphInstantiate");
  const GraphExec executable(made);
  require_cuda(cudaGraphLaunch(executable.get(), stream.get()), "cudaGraphLaunch");
  require_cuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
  CHECK(trial.verify(SWIGLU_PASS_FORWARD) == "");
}

TEST_CASE("batch invariant: a row is the same bit by bit, alone and among others") {
  constexpr std::int64_t kModel = 512;
  constexpr std::int64_t kIntermediate = 768;
  constexpr std::int64_t kRows = 700;
  for (const Kind& kind : kKinds) {
    swiglu_plan_desc desc = plan_desc(make_case(kind, kModel, kIntermediate, {kRows}), test_device());
    desc.passes = SWIGLU_PASS_FORWARD;
    desc.options = SWIGLU_OPTION_BATCH_INVARIANT;
    const Plan plan = make_plan(desc);
    const auto random = [](std::size_t elements, std::uint64_t stream) {
      std::vector<std::uint16_t> values(elements);
      for (std::size_t i = 0; i < elements; ++i) {  // of either type between 2^-2 and 2^0, and of either sign
        values[i] = static_cast<std::uint16_t>(0x3400U + (random_bits(stream, i) & 0x83ffU));
      }
      return values;
    };
    const auto upload = [](const std::vector<std::uint16_t>& values) {
      DeviceBuffer buffer = make_buffer(values.size() * 2);
      require_cuda(cudaMemcpy(buffer.get(), values.data(), values.size() * 2, cudaMemcpyHostToDevice), "cudaMemcpy");
      return buffer;
    };
    const DeviceBuffer x = upload(random(kRows * kModel, 1));
    const DeviceBuffer w_gate = upload(random(kModel * kIntermediate, 2));
    const DeviceBuffer w_up = upload(random(kModel * kIntermediate, 3));
    const DeviceBuffer out = make_buffer(kRows * kIntermediate * 2);
    const auto rows = [&](std::int64_t first, std::int64_t count) {
      swiglu_forward_args args{};
      args.struct_size = sizeof args;
      args.m = count;
      args.x = static_cast<const std::uint16_t*>(x.get()) + first * kModel;
      args.w_gate = w_gate.get();
      args.w_up = w_up.get();
      args.out = out.get();
      require(swiglu_execute(plan.get(), &args, nullptr), "swiglu_execute");
      std::vector<std::uint16_t> values(static_cast<std::size_t>(count * kIntermediate));
      require_cuda(cudaMemcpy(values.data(), out.get(), values.size() * 2, cudaMemcpyDeviceToHost), "cudaMemcpy");
      return values;
    };
    const std::vector<std::uint16_t> all = rows(0, kRows);
    for (const auto& [first, count] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {699, 1}, {13, 64}, {100, 257}, {1, 699}}) {
      const std::vector<std::uint16_t> some = rows(first, count);
      CHECK_MESSAGE(std::memcmp(some.data(), all.data() + first * kIntermediate, some.size() * 2) == 0, "rows ", first,
                    " to ", first + count - 1);
    }
  }
}

TEST_CASE("timing: first use of an unknown problem with measuring, cold and warm, in fresh processes") {
  swiglu::test::ScratchDirectory caches[2];
  std::vector<std::string> tiles;
  std::vector<double> times;
  for (const auto& cache : caches) {
    const Environment environment = {{"SWIGLU_CACHE_DIR", cache.path().string()}};
    const ChildResult cold = run_test_case(kChildName, environment);
    REQUIRE_MESSAGE(cold.exit_code == 0, cold.output);
    CHECK(cold.output.find("measured") != std::string::npos);
    tiles.push_back(word_in(cold.output, "tile"));
    times.push_back(number_in(cold.output, "us"));
    MESSAGE("cold, with measuring: ", number_in(cold.output, "seconds"), " s; goal ", kGoalColdSeconds, "; ",
            tiles.back(), ", ", times.back(), " us");
    CHECK(number_in(cold.output, "seconds") <= kFactor * kGoalColdSeconds);
    std::vector<double> warm;
    for (int i = 0; i < 5; ++i) {
      const ChildResult again = run_test_case(kChildName, environment);
      REQUIRE_MESSAGE(again.exit_code == 0, again.output);
      CHECK_MESSAGE(again.output.find("user record") != std::string::npos, again.output);
      CHECK(word_in(again.output, "tile") == tiles.back());
      warm.push_back(number_in(again.output, "seconds") * 1e3);
    }
    std::sort(warm.begin(), warm.end());
    MESSAGE("warm: ", warm[2], " ms; goal ", kGoalWarmMilliseconds);
    CHECK(warm[2] <= kFactor * kGoalWarmMilliseconds);
  }
  CHECK((tiles[0] == tiles[1] || std::abs(times[0] / times[1] - 1) <= 0.01));
}

TEST_CASE("timing: first use of a problem whose record ships compiles one kernel and measures nothing") {
  swiglu::test::ScratchDirectory measured;
  const ChildResult made = run_test_case(kChildName, {{"SWIGLU_CACHE_DIR", measured.path().string()}});
  REQUIRE_MESSAGE(made.exit_code == 0, made.output);
  swiglu::test::ScratchDirectory shipped;  // the records, and no kernels
  std::filesystem::create_directories(shipped.path() / "v1");
  std::filesystem::copy(measured.path() / "v1" / "tuned", shipped.path() / "v1" / "tuned",
                        std::filesystem::copy_options::recursive);
  for (int i = 0; i < 3; ++i) {
    swiglu::test::ScratchDirectory empty;
    const ChildResult first = run_test_case(
        kChildName, {{"SWIGLU_CACHE_DIR", empty.path().string()}, {"SWIGLU_CACHE_PATH", shipped.path().string()}});
    REQUIRE_MESSAGE(first.exit_code == 0, first.output);
    CHECK_MESSAGE(first.output.find("shared record") != std::string::npos, first.output);
    CHECK(word_in(first.output, "tile") == word_in(made.output, "tile"));
    MESSAGE("cold, with a shipped record: ", number_in(first.output, "seconds"), " s; goal ", kGoalShippedSeconds);
    CHECK(number_in(first.output, "seconds") <= kFactor * kGoalShippedSeconds);
  }
}

TEST_CASE("two devices: measurements on both at once; what one card has measured serves another of its kind") {
  if (device_count() < 2) {
    MESSAGE("skipped: one GPU");
    return;
  }
  const int devices[] = {test_device(), test_device() == 0 ? 1 : 0};
  const Case problems[] = {make_case(kKinds[0], 776, 1032, {300}), make_case(kKinds[1], 776, 1032, {300})};
  // Each thread's own problem first, at the same time, then the other's.
  std::string described[2][2];
  std::string failures[2];
  std::barrier both_measured(2);
  const auto measure_and_run = [&](std::size_t thread, std::size_t problem) {
    CudaMemory memory(devices[thread]);
    swiglu_plan_desc desc = plan_desc(problems[problem], devices[thread]);
    desc.tuning = SWIGLU_TUNING_MEASURE;
    const Plan plan = make_plan(desc);
    described[thread][problem] = describe(plan.get(), 300);
    Trial trial(memory, problems[problem], 300);
    trial.upload();
    const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
    require(swiglu_execute(plan.get(), &args, nullptr), "swiglu_execute");
    failures[thread] += trial.verify(SWIGLU_PASS_FORWARD);
  };
  const auto work = [&](std::size_t thread) {
    for (const std::size_t problem : {thread, 1 - thread}) {
      try {
        measure_and_run(thread, problem);
      } catch (const std::exception& error) {
        failures[thread] += error.what();
      }
      both_measured.arrive_and_wait();
    }
  };
  std::thread second(work, 1);
  work(0);
  second.join();
  CHECK(failures[0] == "");
  CHECK(failures[1] == "");
  const bool alike = device_name(devices[0]) == device_name(devices[1]);
  for (const std::size_t problem : {0, 1}) {
    const std::string& own = described[problem][problem];
    const std::string& others = described[1 - problem][problem];
    CHECK(is_by_measurement(own));
    CHECK(is_by_measurement(others));
    if (alike) {
      CHECK(value_in(others, "tile") == value_in(own, "tile"));
      CHECK(value_in(others, "microseconds") == value_in(own, "microseconds"));
    }
  }
}

TEST_CASE(kChildName* doctest::skip()) {
  Case test = make_case(kKinds[4], 3072, 8192, {2048});
  test.passes = SWIGLU_PASS_FORWARD;
  require_cuda(cudaFree(nullptr), "cudaFree");  // the context is not what is timed
  const auto begin = Clock::now();
  const Plan plan = make_plan(measuring(test));
  require(swiglu_plan_prepare(plan.get(), 2048), "swiglu_plan_prepare");
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::string description = describe(plan.get(), 2048);
  std::printf("seconds=%.6f\ntile=%s\nus=%s\nchoice=%s\n", seconds, value_in(description, "tile").c_str(),
              value_in(description, "microseconds").c_str(), value_in(description, "choice").c_str());
}

}  // namespace swiglu_test
