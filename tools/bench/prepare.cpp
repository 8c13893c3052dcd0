// A pool of threads over a shared counter: see prepare.h.
#include "tools/bench/prepare.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace swiglu::tool {
namespace {

PreparedPlan prepare(const PlanRequest& request) {
  PreparedPlan prepared;
  try {
    prepared.plan = create_plan(request.desc);
    check(swiglu_plan_prepare(prepared.plan.get(), request.m));
    prepared.description = describe(prepared.plan.get(), request.m);
  } catch (const std::exception& error) {
    prepared.plan.reset();
    prepared.error = error.what();
  }
  return prepared;
}

}  // namespace

std::vector<PreparedPlan> prepare_plans(const std::vector<PlanRequest>& requests) {
  std::vector<PreparedPlan> prepared(requests.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < requests.size(); i = next++) {
      prepared[i] = prepare(requests[i]);
    }
  };
  std::vector<std::jthread> threads;
  const std::size_t count = std::min<std::size_t>(requests.size(), std::max(1U, std::thread::hardware_concurrency()));
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back(work);
  }
  threads.clear();  // joins
  return prepared;
}

}  // namespace swiglu::tool
