// The loop over the points: see session.h.
#include "tools/bench/session.h"

#include <chrono>
#include <memory>

#include "tools/bench/backward_contest.h"
#include "tools/bench/forward_contest.h"
#include "tools/bench/laboratory.h"
#include "tools/bench/prepare.h"
#include "tools/cuda_handles.h"

namespace swiglu::tool {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

PointResult empty_result(const BenchRequest& request, const BenchPoint& point) {
  PointResult result;
  result.point = point;
  result.kind = request.kind;
  return result;
}

std::unique_ptr<Contest> make_contest(const Laboratory& laboratory, ForwardOracle& oracle, const BenchRequest& request,
                                      const BenchPoint& point, swiglu_plan* plan) {
  const swiglu_plan_desc desc = point_desc(request.kind, point);
  if (request.pass == BenchPass::forward) {
    return std::make_unique<ForwardContest>(laboratory, oracle, desc, plan, point.m, request.seed);
  }
  return std::make_unique<BackwardContest>(laboratory, oracle, desc, plan, point.m, request.seed);
}

PointResult measure_point(const Laboratory& laboratory, ForwardOracle& oracle, const BenchRequest& request,
                          const BenchPoint& point, const PreparedPlan& prepared) {
  PointResult result = empty_result(request, point);
  try {
    if (prepared.plan == nullptr) {
      throw Failure(prepared.error);
    }
    result.kernels = kernels_of(prepared.description);
    const auto contest = make_contest(laboratory, oracle, request, point, prepared.plan.get());
    measure(laboratory, *contest, request.pass, request.effort, result);
  } catch (const std::exception& error) {
    const Json kernels = result.kernels;
    result = empty_result(request, point);  // half of a measurement is none
    result.kernels = kernels;
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
    requests.push_back({point_desc(request.kind, point), point.m});
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
