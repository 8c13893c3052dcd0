// Executing and timing a plan: see execution.h.
#include "tools/execution.h"

#include <chrono>
#include <memory>

#include "tools/device_memory.h"
#include "tools/host_matrix.h"

namespace swiglu::tool {
namespace {

double milliseconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

Outputs poisoned(const swiglu_plan_desc& desc, std::int64_t m) {
  constexpr std::uint16_t kNan = 0xffff;  // in bf16 and in f16
  const auto matrix = [&](const char* name) { return host_matrix(name, m, desc.d_intermediate, kNan); };
  if (desc.passes == SWIGLU_PASS_FORWARD_STORE) {
    return {matrix("out"), matrix("g"), matrix("u")};
  }
  return {matrix("out"), {}, {}};
}

swiglu_forward_args arguments(std::int64_t m) {
  swiglu_forward_args args{};
  args.struct_size = sizeof args;
  args.m = m;
  return args;
}

void execute_on_cpu(const Plan& plan, const swiglu_plan_desc& desc, const RandomProblem& problem, std::int64_t m,
                    int repeat, Execution& execution) {
  Outputs outputs = poisoned(desc, m);
  const bool store = !outputs.g.empty();
  swiglu_forward_args args = arguments(m);
  args.x = problem.x.data();
  args.w_gate = problem.w_gate.data();
  args.w_up = problem.w_up.data();
  args.out = outputs.out.data();
  args.g = store ? outputs.g.data() : nullptr;
  args.u = store ? outputs.u.data() : nullptr;
  const auto once = [&] { check(swiglu_execute(plan.get(), &args, nullptr)); };
  once();
  execution.outputs = outputs;
  for (int i = 0; i < repeat; ++i) {
    execution.milliseconds.push_back(milliseconds_of(once));
  }
  execution.repeatable = outputs == execution.outputs;
  execution.how_timed = "wall clock of swiglu_execute, after one warm-up";
}

// What swiglu_plan_workspace_size asks for, and poisoned: what it holds is of no meaning.
std::vector<std::uint16_t> workspace_for(const Plan& plan, const swiglu_plan_desc& desc, std::int64_t m) {
  std::size_t bytes = 0;
  check(swiglu_plan_workspace_size(plan.get(), desc.passes, m, &bytes));
  return std::vector<std::uint16_t>(bytes / sizeof(std::uint16_t), 0xffff);
}

class DeviceMatrix {
 public:
  explicit DeviceMatrix(const std::vector<std::uint16_t>& values)
      : buffer_(values.empty() ? nullptr : std::make_unique<DeviceBuffer>(values.size() * sizeof(values[0]))) {
    if (buffer_) {
      buffer_->upload(values);
    }
  }
  void* get() const { return buffer_ ? buffer_->get() : nullptr; }
  void download(std::vector<std::uint16_t>& values) const {
    if (buffer_) {
      buffer_->download(values);
    }
  }

 private:
  std::unique_ptr<DeviceBuffer> buffer_;
};

void execute_on_gpu(const Plan& plan, const swiglu_plan_desc& desc, const RandomProblem& problem, std::int64_t m,
                    int repeat, Execution& execution) {
  constexpr int kWarmUp = 3;
  use_device(desc.device);
  execution.outputs = poisoned(desc, m);
  const DeviceMatrix x(problem.x);
  const DeviceMatrix w_gate(problem.w_gate);
  const DeviceMatrix w_up(problem.w_up);
  const DeviceMatrix out(execution.outputs.out);
  const DeviceMatrix g(execution.outputs.g);
  const DeviceMatrix u(execution.outputs.u);
  const std::vector<std::uint16_t> workspace_contents = workspace_for(plan, desc, m);
  const DeviceMatrix workspace(workspace_contents);
  swiglu_forward_args args = arguments(m);
  args.workspace = workspace.get();
  args.workspace_size = workspace_contents.size() * sizeof(std::uint16_t);
  args.x = x.get();
  args.w_gate = w_gate.get();
  args.w_up = w_up.get();
  args.out = out.get();
  args.g = g.get();
  args.u = u.get();

  const Stream stream;
  const auto enqueue = [&] { check(swiglu_execute(plan.get(), &args, stream.get())); };
  const auto download = [&](Outputs& outputs) {
    stream.synchronize();
    out.download(outputs.out);
    g.download(outputs.g);
    u.download(outputs.u);
  };
  enqueue();
  download(execution.outputs);
  execution.milliseconds = time_on_device(stream, kWarmUp, repeat, enqueue);
  Outputs last = execution.outputs;
  download(last);
  execution.repeatable = last == execution.outputs;
  execution.how_timed = "CUDA events around swiglu_execute, L2 flushed before each, after " + std::to_string(kWarmUp) +
                        " warm-ups; launch included";
}

}  // namespace

Execution execute(const Plan& plan, const swiglu_plan_desc& desc, const RandomProblem& problem, std::int64_t m,
                  int repeat) {
  Execution execution;
  execution.prepare_milliseconds = milliseconds_of([&] { check(swiglu_plan_prepare(plan.get(), m)); });
  if (desc.device == SWIGLU_DEVICE_CPU) {
    execute_on_cpu(plan, desc, problem, m, repeat, execution);
  } else {
    execute_on_gpu(plan, desc, problem, m, repeat, execution);
  }
  return execution;
}

}  // namespace swiglu::tool
