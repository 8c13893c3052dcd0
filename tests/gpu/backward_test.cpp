// The backward pass where only a GPU shows it: captured in a graph, and at real sizes.
#include <optional>

#include "gpu/cuda_graph.h"
#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/backward_case.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

BackwardCase make_backward(const Kind& kind, std::int64_t d_model, std::int64_t d_intermediate, std::int64_t m) {
  return {make_case(kind, d_model, d_intermediate, {m}), std::nullopt, {}};
}

}  // namespace

TEST_CASE("backward: captured in a graph, and replayed on other contents of the same buffers") {
  constexpr std::int64_t kRows = 6000;  // split into parts on large cards
  const BackwardCase test = make_backward(kKinds[0], 128, 136, kRows);
  const Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), kRows), "swiglu_plan_prepare");
  for (const Wanted& wanted : both_modes()) {
    BackwardTrial trial(memory_under_test(), test, kRows, plan.get());
    trial.upload(wanted);
    const Stream stream = make_stream();
    require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
    const swiglu_backward_args args = trial.args(wanted);
    const swiglu_status status = swiglu_execute_backward(plan.get(), &args, stream.get());
    const std::string message = status == SWIGLU_OK ? "" : last_error();
    const Graph graph = end_capture(stream);
    REQUIRE_MESSAGE(status == SWIGLU_OK, message);
    const GraphExec executable = instantiate(graph);
    for (std::uint64_t replay = 0; replay < 2; ++replay) {
      trial.dout().matrix->fill_normal(300 + replay, 1);
      trial.x().matrix->fill_normal(400 + replay, 1);
      trial.upload(wanted);
      launch_and_wait(executable, stream);
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

}  // namespace swiglu_test
