// Rows whose pitch is no multiple of 16 bytes, at sizes where copies in a workspace are worth it: against the oracle
// with the workspace and without, repeated, and from a graph.
#include <vector>

#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/plan.h"

namespace swiglu_test {
namespace {

std::size_t workspace_size(const Plan& plan, std::uint32_t pass, std::int64_t m) {
  std::size_t bytes = 0;
  require(swiglu_plan_workspace_size(plan.get(), pass, m, &bytes), "swiglu_plan_workspace_size");
  return bytes;
}

}  // namespace

TEST_CASE("odd pitches, with a workspace and without [sanitizer]") {
  std::vector<Case> cases;
  for (const Kind& kind : kKinds) {
    cases.push_back(make_case(kind, 1001, 1503, {1, 130, 1024}));  // every matrix, by 2 bytes
    Case by_8 = make_case(kind, 996, 1492, {1000});
    by_8.weights.padding = 4;  // these are used in place
    cases.push_back(by_8);
    Case outputs = make_case(kind, 1000, 1504, {999});
    outputs.outputs.padding = 2;  // these alone are copied
    cases.push_back(outputs);
    Case inputs = make_case(kind, 1000, 1504, {999});
    inputs.x.padding = 3;
    cases.push_back(inputs);
    Case misplaced = make_case(kind, 1001, 1504, {700});
    misplaced.outputs.offset = 1;  // pointers that do not suit: without copies
    cases.push_back(misplaced);
  }
  prepare_all(memory_under_test(), cases);
  check_cases(cases);
}

TEST_CASE("odd pitches by way of padded rows: the same bits again, and from a graph") {
  constexpr std::int64_t kM = 2048;
  constexpr std::uint32_t kPass = SWIGLU_PASS_FORWARD_STORE;
  const Case test = make_case(kKinds[4], 2049, 4099, {kM});
  const Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), kM), "swiglu_plan_prepare");
  const std::size_t bytes = workspace_size(plan, kPass, kM);
  if (bytes == 0) {
    MESSAGE("on this device copies are not worth it");
    return;
  }
  const DeviceBuffer workspace = make_buffer(bytes);
  Trial trial(memory_under_test(), test, kM);
  trial.upload();
  swiglu_forward_args args = trial.args(kPass);
  args.workspace = workspace.get();
  args.workspace_size = bytes;
  require(swiglu_execute(plan.get(), &args, nullptr), "swiglu_execute");
  CHECK(trial.verify(kPass) == "");
  const std::vector<std::byte> first = trial.output_bytes(kPass);

  const Stream stream = make_stream();
  cudaGraph_t captured = nullptr;
  require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  require(swiglu_execute(plan.get(), &args, stream.get()), "swiglu_execute");
  require_cuda(cudaStreamEndCapture(stream.get(), &captured), "cudaStreamEndCapture");
  const Graph graph(captured);
  cudaGraphExec_t instantiated = nullptr;
  require_cuda(cudaGraphInstantiate(&instantiated, graph.get(), 0), "cudaGraphInstantiate");
  const GraphExec executable(instantiated);
  for (int turn = 0; turn < 3; ++turn) {
    trial.upload();
    require_cuda(cudaMemset(workspace.get(), 0xff, bytes), "cudaMemset");
    require_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    require_cuda(cudaGraphLaunch(executable.get(), stream.get()), "cudaGraphLaunch");
    require_cuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
    trial.download_outputs();
    CHECK(trial.output_bytes(kPass) == first);
  }
}

}  // namespace swiglu_test
