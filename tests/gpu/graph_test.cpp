// CUDA graphs: a prepared plan can be captured and replayed on new contents; an unprepared m is refused with its own
// status before anything is touched, and the capture goes on.
#include "gpu/cuda_graph.h"
#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/plan.h"

namespace swiglu_test {
namespace {

constexpr std::int64_t kRows = 150;

}  // namespace

TEST_CASE("a prepared plan is captured, and replayed on other contents of the same buffers") {
  for (const cudaStreamCaptureMode mode :
       {cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed}) {
    for (const std::int64_t offset : {0, 1}) {  // elements: every alignment has been prepared
      Case test = make_case(kKinds[0], 128, 136, {kRows});
      test.x.offset = offset;
      Trial trial(memory_under_test(), test, kRows);
      trial.upload();
      const Plan plan = make_plan(plan_desc(test, test_device()));
      require(swiglu_plan_prepare(plan.get(), kRows), "swiglu_plan_prepare");
      const Stream stream = make_stream();
      require_cuda(cudaStreamBeginCapture(stream.get(), mode), "cudaStreamBeginCapture");
      const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD_STORE);
      const swiglu_status status = swiglu_execute(plan.get(), &args, stream.get());
      const std::string message = status == SWIGLU_OK ? "" : last_error();
      const Graph graph = end_capture(stream);
      REQUIRE_MESSAGE(status == SWIGLU_OK, message);
      CHECK_MESSAGE(trial.verify_untouched().empty(), "capturing must not execute");
      const GraphExec executable = instantiate(graph);
      for (std::uint64_t replay = 0; replay < 3; ++replay) {
        trial.x().matrix->fill_normal(100 + replay, 1);
        trial.w_up().matrix->fill_normal(200 + replay, 0.1);
        trial.forget_reference();
        trial.upload();
        launch_and_wait(executable, stream);
        const std::string failure = trial.verify(SWIGLU_PASS_FORWARD_STORE);
        CHECK_MESSAGE(failure.empty(), "mode ", static_cast<int>(mode), " offset ", offset, " replay ", replay, ": ",
                      failure);
      }
    }
  }
}

TEST_CASE("a graph outlives its plan") {
  const Case test = make_case(kKinds[0], 128, 136, {kRows});
  Trial trial(memory_under_test(), test, kRows);
  trial.upload();
  Plan plan = make_plan(plan_desc(test, test_device()));
  require(swiglu_plan_prepare(plan.get(), kRows), "swiglu_plan_prepare");
  const Stream stream = make_stream();
  require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  CHECK(swiglu_execute(plan.get(), &args, stream.get()) == SWIGLU_OK);
  const GraphExec executable = instantiate(end_capture(stream));
  plan.reset();
  launch_and_wait(executable, stream);
  CHECK(trial.verify(SWIGLU_PASS_FORWARD) == "");
}

TEST_CASE("an unprepared m under capture: NOT_PREPARED, nothing touched, and the capture stays valid") {
  // A shape of its own, so that no other test has loaded its kernels.
  const Case test = make_case(kKinds[0], 144, 152, {kRows});
  Trial trial(memory_under_test(), test, kRows);
  trial.upload();
  const Plan plan = make_plan(plan_desc(test, test_device()));
  const Stream stream = make_stream();
  const DeviceBuffer marker = make_buffer(256);
  require_cuda(cudaMemset(marker.get(), 0, 256), "cudaMemset");
  require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD_STORE);
  const swiglu_status status = swiglu_execute(plan.get(), &args, stream.get());
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  const cudaError_t asked = cudaStreamIsCapturing(stream.get(), &capture);
  const cudaError_t added = cudaMemsetAsync(marker.get(), 7, 256, stream.get());  // the capture goes on
  const Graph graph = end_capture(stream);
  CHECK(status == SWIGLU_NOT_PREPARED);
  CHECK(last_error() != "");
  CHECK(asked == cudaSuccess);
  CHECK(capture == cudaStreamCaptureStatusActive);
  CHECK(added == cudaSuccess);
  CHECK(node_count(graph) == 1);
  launch_and_wait(instantiate(graph), stream);
  unsigned char marked = 0;
  require_cuda(cudaMemcpy(&marked, marker.get(), 1, cudaMemcpyDeviceToHost), "cudaMemcpy");
  CHECK(marked == 7);
  CHECK(trial.verify_untouched() == "");

  // Not under capture, the same call prepares and executes.
  REQUIRE(swiglu_execute(plan.get(), &args, stream.get()) == SWIGLU_OK);
  CHECK(trial.verify(SWIGLU_PASS_FORWARD_STORE) == "");
}

TEST_CASE("m = 0 under capture succeeds and adds nothing, prepared or not") {
  const Case test = make_case(kKinds[0], 144, 152, {0});
  const Trial trial(memory_under_test(), test, 0);
  const Plan plan = make_plan(plan_desc(test, test_device()));
  const Stream stream = make_stream();
  require_cuda(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
  const swiglu_status status = swiglu_execute(plan.get(), &args, stream.get());
  const Graph graph = end_capture(stream);
  CHECK(status == SWIGLU_OK);
  CHECK(node_count(graph) == 0);
}

}  // namespace swiglu_test
