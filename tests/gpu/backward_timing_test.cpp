// How long the parts of the backward pass take. The products are differences of whole executions and only told; dgate,
// which is as fast as memory, is timed alone and held to a copy of as many bytes.
#include <algorithm>
#include <functional>
#include <vector>

#include "gpu/cuda_graph.h"
#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/backward_case.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

constexpr std::int64_t kM = 8192;
constexpr std::int64_t kModel = 4096;
constexpr std::int64_t kIntermediate = 14336;
constexpr double kProducts = 2.0 * kM * kModel * kIntermediate;
constexpr std::size_t kTokens = std::size_t{2} * kM * kIntermediate;  // bytes of dout, g, u, dg, du
constexpr std::size_t kWeights = std::size_t{2} * kModel * kIntermediate;
constexpr std::size_t kInputs = std::size_t{2} * kM * kModel;
constexpr double kDgateGoal = 0.9;  // of a copy's bytes per second

// Device memory for one execution at a size of which no host copy is wanted; filled with small numbers of 16 bits.
struct Arena {
  explicit Arena(std::size_t bytes) : memory(make_buffer(bytes)) {
    std::vector<std::uint16_t> numbers(std::size_t{1} << 20);
    for (std::size_t i = 0; i < numbers.size(); ++i) {  // bf16 of magnitude 2^-4 to 1, of either sign
      const std::uint64_t bits = random_bits(77, i);
      numbers[i] = static_cast<std::uint16_t>((bits & 0x807fU) | (0x3d80U + ((bits >> 20) & 3U) * 0x80U));
    }
    const std::size_t chunk = numbers.size() * 2;
    for (std::size_t at = 0; at < bytes; at += chunk) {
      require_cuda(cudaMemcpy(static_cast<char*>(memory.get()) + at, numbers.data(), std::min(chunk, bytes - at),
                              cudaMemcpyHostToDevice),
                   "cudaMemcpy");
    }
  }
  void* take(std::size_t bytes) {
    void* const taken = static_cast<char*>(memory.get()) + used;
    used += (bytes + 255) / 256 * 256;
    return taken;
  }
  DeviceBuffer memory;
  std::size_t used = 0;
};

// An execution with its operands; the first bytes of the arena are dout, g and u.
struct Execution {
  Execution(const Plan& owner, std::size_t workspace)
      : arena(3 * kTokens + 4 * kWeights + 2 * kInputs + workspace + std::size_t{16} * 256), plan(owner.get()) {
    args.struct_size = sizeof args;
    args.m = kM;
    args.dout = arena.take(kTokens);
    g = arena.take(kTokens);
    u = arena.take(kTokens);
    args.x = arena.take(kInputs);
    args.w_gate = arena.take(kWeights);
    args.w_up = arena.take(kWeights);
    dx = arena.take(kInputs);
    dw_gate = arena.take(kWeights);
    dw_up = arena.take(kWeights);
    args.workspace = arena.take(workspace);
    args.workspace_size = workspace;
  }
  void execute(bool stored, bool want_dx, bool want_dw, cudaStream_t stream) {
    args.g = stored ? g : nullptr;
    args.u = stored ? u : nullptr;
    args.dx = want_dx ? dx : nullptr;
    args.dw_gate = want_dw ? dw_gate : nullptr;
    args.dw_up = want_dw ? dw_up : nullptr;
    require(swiglu_execute_backward(plan, &args, stream), "execute_backward");
  }
  Arena arena;
  swiglu_plan* plan;
  swiglu_backward_args args{};
  void* g;
  void* u;
  void* dx;
  void* dw_gate;
  void* dw_up;
};

// Median seconds of each of `runs`, which take turns; each begins when the last has ended.
std::vector<double> seconds_of(const std::vector<std::function<void(cudaStream_t)>>& runs) {
  constexpr std::size_t kRounds = 15;
  const Stream stream = make_stream();
  const Event begin = make_event();
  const Event end = make_event();
  std::vector<std::vector<double>> seconds(runs.size());
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      require_cuda(cudaEventRecord(begin.get(), stream.get()), "cudaEventRecord");
      runs[i](stream.get());
      require_cuda(cudaEventRecord(end.get(), stream.get()), "cudaEventRecord");
      require_cuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
      float milliseconds = 0;
      require_cuda(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "cudaEventElapsedTime");
      seconds[i].push_back(static_cast<double>(milliseconds) * 1e-3);
    }
  }
  std::vector<double> medians;
  for (std::vector<double>& all : seconds) {
    std::nth_element(all.begin(), all.begin() + kRounds / 2, all.end());
    medians.push_back(all[kRounds / 2]);
  }
  return medians;
}

Graph captured(const std::function<void(cudaStream_t)>& enqueue) {
  const Stream stream = make_stream();
  require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  enqueue(stream.get());
  return end_capture(stream);
}

struct DgateTimes {
  double dgate;
  double copy;  // which reads and writes as many bytes as dgate does, together
};

DgateTimes time_dgate(Execution& execution) {
  constexpr int kTimes = 8;                       // in one replay, so that its launch does not count
  constexpr std::size_t kHalf = 5 * kTokens / 2;  // dgate reads three matrices and writes two
  const Graph dgate = captured([&](cudaStream_t stream) { execution.execute(true, false, true, stream); });
  REQUIRE(node_count(dgate) == 2);  // dgate, dw: without dx it is a kernel of its own
  keep_first_node(dgate);
  const DeviceBuffer copied = make_buffer(kHalf);
  const Graph copy = captured([&](cudaStream_t stream) {
    require_cuda(cudaMemcpyAsync(copied.get(), execution.arena.memory.get(), kHalf, cudaMemcpyDeviceToDevice, stream),
                 "cudaMemcpyAsync");
  });
  const GraphExec dgates = instantiate(repeated(dgate, kTimes));
  const GraphExec copies = instantiate(repeated(copy, kTimes));
  const auto replay = [](const GraphExec& executable) {
    return [&](cudaStream_t stream) { require_cuda(cudaGraphLaunch(executable.get(), stream), "cudaGraphLaunch"); };
  };
  const std::vector<double> seconds = seconds_of({replay(dgates), replay(copies)});
  return {seconds[0] / kTimes, seconds[1] / kTimes};
}

}  // namespace

TEST_CASE("backward: how long its parts take, 8192 x 4096 x 14336") {
  for (const Kind& kind : {kKinds[0], kKinds[4]}) {
    const BackwardCase test{make_case(kind, kModel, kIntermediate, {kM}), std::nullopt, {}};
    const Plan plan = make_plan(plan_desc(test, test_device()));
    require(swiglu_plan_prepare(plan.get(), kM), "swiglu_plan_prepare");
    std::size_t workspace = 0;
    require(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, kM, &workspace), "workspace_size");
    Execution execution(plan, workspace);
    const auto run = [&](bool stored, bool want_dx, bool want_dw) {
      return
          [&, stored, want_dx, want_dw](cudaStream_t stream) { execution.execute(stored, want_dx, want_dw, stream); };
    };
    const std::vector<double> seconds =
        seconds_of({run(true, true, true), run(true, true, false), run(true, false, true), run(false, true, true)});
    const double all = seconds[0];
    const DgateTimes times = time_dgate(execution);
    const double dx = all - seconds[2];  // and dg and du beside it, less their own kernel
    const double dw = all - seconds[1];
    const double dgate_rate = 5.0 * static_cast<double>(kTokens) / times.dgate;
    const double copy_rate = 5.0 * static_cast<double>(kTokens) / times.copy;
    MESSAGE(spelling(test), ": all ", all * 1e6, " us; dgate ", times.dgate * 1e6, " us, ", dgate_rate * 1e-9,
            " GB/s (a copy: ", copy_rate * 1e-9, "); dx ", 2 * kProducts / dx * 1e-12, " TFLOP/s; dw ",
            2 * kProducts / dw * 1e-12, " TFLOP/s; recompute ",
            2 * kProducts / (seconds[3] - all + times.dgate) * 1e-12, " TFLOP/s");
    CHECK(dgate_rate >= kDgateGoal * copy_rate);
    const std::string description = describe(plan.get(), kM);
    MESSAGE(description);
  }
}

}  // namespace swiglu_test
