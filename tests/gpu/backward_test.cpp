// The backward pass where only a GPU shows it: captured in a graph, at real sizes, and how long its parts take.
#include <algorithm>
#include <vector>

#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/backward_case.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

BackwardCase make_backward(const Kind& kind, std::int64_t d_model, std::int64_t d_intermediate, std::int64_t m) {
  return {make_case(kind, d_model, d_intermediate, {m}), std::nullopt, {}};
}

GraphExec instantiate(const Graph& graph) {
  cudaGraphExec_t executable = nullptr;
  require_cuda(cudaGraphInstantiate(&executable, graph.get(), 0), "cudaGraphInstantiate");
  return GraphExec(executable);
}

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

// Median seconds of `run`, each after the last has ended.
template <typename Run>
double seconds_of(Run run) {
  constexpr int kRuns = 15;
  const Event begin = make_event();
  const Event end = make_event();
  std::vector<float> milliseconds;
  for (int i = 0; i < kRuns; ++i) {
    require_cuda(cudaEventRecord(begin.get(), nullptr), "cudaEventRecord");
    run();
    require_cuda(cudaEventRecord(end.get(), nullptr), "cudaEventRecord");
    require_cuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
    float taken = 0;
    require_cuda(cudaEventElapsedTime(&taken, begin.get(), end.get()), "cudaEventElapsedTime");
    milliseconds.push_back(taken);
  }
  std::nth_element(milliseconds.begin(), milliseconds.begin() + kRuns / 2, milliseconds.end());
  return static_cast<double>(milliseconds[kRuns / 2]) * 1e-3;
}

}  // namespace

TEST_CASE("backward: captured in a graph, and replayed on other contents of the same buffers") {
  constexpr std::int64_t kRows = 6000;  // split into parts on large cards
  const BackwardCase test = make_backward(kKinds[0], 128, 136, kRows);
  const Plan plan = make_plan(plan_desc(test, 0));
  require(swiglu_plan_prepare(plan.get(), kRows), "swiglu_plan_prepare");
  for (const Wanted& wanted : both_modes()) {
    BackwardTrial trial(memory_under_test(), test, kRows, plan.get());
    trial.upload(wanted);
    const Stream stream = make_stream();
    require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
    const swiglu_backward_args args = trial.args(wanted);
    const swiglu_status status = swiglu_execute_backward(plan.get(), &args, stream.get());
    const std::string message = status == SWIGLU_OK ? "" : last_error();
    cudaGraph_t captured = nullptr;
    require_cuda(cudaStreamEndCapture(stream.get(), &captured), "cudaStreamEndCapture");
    const Graph graph(captured);
    REQUIRE_MESSAGE(status == SWIGLU_OK, message);
    const GraphExec executable = instantiate(graph);
    for (std::uint64_t replay = 0; replay < 2; ++replay) {
      trial.dout().matrix->fill_normal(300 + replay, 1);
      trial.x().matrix->fill_normal(400 + replay, 1);
      trial.upload(wanted);
      require_cuda(cudaGraphLaunch(executable.get(), stream.get()), "cudaGraphLaunch");
      require_cuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
      const std::string failure = trial.verify(wanted);
      CHECK_MESSAGE(failure.empty(), spelling(wanted), ": ", failure, " (", seed_text(), ")");
    }
  }
}

TEST_CASE("backward: 2048 x 2048 x 5632") {
  for (const Kind& kind : {kKinds[0], kKinds[1], kKinds[2], kKinds[3]}) {
    BackwardCase test = make_backward(kind, 2048, 5632, 2048);
    test.dw_dtype = kind.layout == SWIGLU_KN ? std::nullopt : std::optional(SWIGLU_F32);
    const std::string failure = run_case(memory_under_test(), test, both_modes());
    CHECK_MESSAGE(failure.empty(), failure);
  }
}

TEST_CASE("backward: many tokens, addressed beyond 2^31 elements") {
  constexpr std::int64_t kRows = 300000;
  BackwardCase test = make_backward(kKinds[4], 16, 24, kRows);
  test.base.x.padding = 8000;  // x has 2.4e9 elements from its first row to its last
  test.dw_dtype = SWIGLU_F32;
  const std::string failure = run_case(memory_under_test(), test, {Wanted{}});
  CHECK_MESSAGE(failure.empty(), failure);
}

TEST_CASE("backward: how long its parts take, 8192 x 4096 x 14336") {
  constexpr std::int64_t kM = 8192;
  constexpr std::int64_t kModel = 4096;
  constexpr std::int64_t kIntermediate = 14336;
  constexpr double kProducts = 2.0 * kM * kModel * kIntermediate;
  for (const Kind& kind : {kKinds[0], kKinds[4]}) {
    const BackwardCase test = make_backward(kind, kModel, kIntermediate, kM);
    const Plan plan = make_plan(plan_desc(test, 0));
    require(swiglu_plan_prepare(plan.get(), kM), "swiglu_plan_prepare");
    swiglu_backward_args args{};
    args.struct_size = sizeof args;
    args.m = kM;
    require(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_BACKWARD, kM, &args.workspace_size), "workspace_size");
    constexpr std::size_t kTokens = std::size_t{2} * kM * kIntermediate;
    constexpr std::size_t kWeights = std::size_t{2} * kModel * kIntermediate;
    Arena arena(3 * kTokens + 4 * kWeights + std::size_t{4} * kM * kModel + args.workspace_size + 16 * 256);
    args.dout = arena.take(kTokens);
    void* const g = arena.take(kTokens);
    void* const u = arena.take(kTokens);
    args.x = arena.take(std::size_t{2} * kM * kModel);
    args.w_gate = arena.take(kWeights);
    args.w_up = arena.take(kWeights);
    void* const dx = arena.take(std::size_t{2} * kM * kModel);
    void* const dw_gate = arena.take(kWeights);
    void* const dw_up = arena.take(kWeights);
    args.workspace = arena.take(args.workspace_size);
    const auto time = [&](bool stored, bool want_dx, bool want_dw) {
      args.g = stored ? g : nullptr;
      args.u = stored ? u : nullptr;
      args.dx = want_dx ? dx : nullptr;
      args.dw_gate = want_dw ? dw_gate : nullptr;
      args.dw_up = want_dw ? dw_up : nullptr;
      return seconds_of([&] { require(swiglu_execute_backward(plan.get(), &args, nullptr), "execute_backward"); });
    };
    const double all = time(true, true, true);
    const double dgate_and_dx = time(true, true, false);
    const double dgate_and_dw = time(true, false, true);
    const double recomputed = time(false, true, true);
    const double dgate = dgate_and_dx + dgate_and_dw - all;
    const double copy = seconds_of([&] {
      require_cuda(cudaMemcpyAsync(dw_gate, args.workspace, kWeights, cudaMemcpyDeviceToDevice, nullptr), "copy");
    });
    const double copy_rate = 2.0 * static_cast<double>(kWeights) / copy;
    const double dgate_rate = 5.0 * static_cast<double>(kTokens) / dgate;
    MESSAGE(spelling(test), ": all ", all * 1e6, " us; dgate ", dgate * 1e6, " us, ", dgate_rate * 1e-9,
            " GB/s (a copy: ", copy_rate * 1e-9, "); dx ", 2 * kProducts / (all - dgate_and_dw) * 1e-12,
            " TFLOP/s; dw ", 2 * kProducts / (all - dgate_and_dx) * 1e-12, " TFLOP/s; recompute ",
            2 * kProducts / (recomputed - all + dgate) * 1e-12, " TFLOP/s");
    CHECK(all > 0);  // the parts are differences of whole executions, whose noise is theirs: told, not held
    const std::string description = describe(plan.get(), kM);
    MESSAGE(description);
  }
}

}  // namespace swiglu_test
