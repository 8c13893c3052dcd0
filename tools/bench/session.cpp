// The loop over the points: see session.h.
#include "tools/bench/session.h"

#include <chrono>

#include "tools/bench/forward_contest.h"
#include "tools/bench/laboratory.h"
#include "tools/bench/prepare.h"
#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

PointResult empty_result(const BenchPoint& point) {
  PointResult result;
  result.point = point;
  result.flop = forward_flop(point);
  return result;
}

PointResult measure_point(const Laboratory& laboratory, ForwardOracle& oracle, const BenchRequest& request,
                          const BenchPoint& point, const PreparedPlan& prepared) {
  PointResult result = empty_result(point);
  try {
    if (prepared.plan == nullptr) {
      throw Failure(prepared.error);
    }
    const swiglu_plan_desc desc = forward_desc(request.kind, point);
    result.kernel = kernel_of(prepared.description, desc.passes);
    ForwardContest contest(laboratory, oracle, desc, prepared.plan.get(), point.m, request.seed);
    measure(laboratory, contest, request.effort, result);
  } catch (const std::exception& error) {
    const Json kernel = result.kernel;
    result = empty_result(point);  // half of a measurement is none
    result.kernel = kernel;
    result.error = error.what();
    static_cast<void>(cudaGetLastError());  // or the next point would be told of it
  }
  return result;
}

}  // namespace

BenchReport run_bench(const BenchRequest& request, const BenchProgress& progress) {
  const Laboratory laboratory(request.kind.device, request.kind.dtype, request.cublaslt);
  BenchReport report;
  report.environment = laboratory.describe();

  auto begin = std::chrono::steady_clock::now();
  std::vector<PlanRequest> requests;
  for (const BenchPoint& point : request.points) {
    requests.push_back({forward_desc(request.kind, point), point.m});
  }
  const std::vector<PreparedPlan> plans = prepare_plans(requests);
  report.prepare_seconds = seconds_since(begin);
  progress.begin(report);

  begin = std::chrono::steady_clock::now();
  ForwardOracle oracle;
  for (std::size_t i = 0; i < request.points.size(); ++i) {
    report.points.push_back(measure_point(laboratory, oracle, request, request.points[i], plans[i]));
    report.measure_seconds = seconds_since(begin);
    progress.point(report);
  }
  return report;
}

}  // namespace swiglu::tool
