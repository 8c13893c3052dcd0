#include "support/case.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "support/number_format.h"
#include "support/plan.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

// A reference covers as many rows as this takes, within these limits.
constexpr std::int64_t kReferenceOperations = std::int64_t{1} << 29;
constexpr std::int64_t kLeastRows = 64;
constexpr std::int64_t kMostRows = 65536;
enum Stream : std::uint64_t { kXStream = 1, kWeightStream = 2 };

std::string spell_placement(const char* name, const Placement& placement) {
  std::string text;
  if (placement.padding != 0 || placement.offset != 0) {
    text = std::string(" ") + name + "+" + std::to_string(placement.padding) + "@" + std::to_string(placement.offset);
  }
  return text;
}

std::unique_ptr<GuardedMatrix> make_weights(Memory& memory, const Case& test, std::int64_t halves) {
  const std::int64_t columns = test.d_intermediate * halves;
  return test.layout == SWIGLU_KN
             ? std::make_unique<GuardedMatrix>(memory, test.dtype, test.d_model, columns, test.weights)
             : std::make_unique<GuardedMatrix>(memory, test.dtype, columns, test.d_model, test.weights);
}

bool stores(std::uint32_t pass) { return pass == SWIGLU_PASS_FORWARD_STORE; }

}  // namespace

std::string spelling(const Case& test) {
  std::string text = std::string(name_of(test.dtype)) + "_" + name_of(test.accum) + "_" + std::to_string(test.d_model) +
                     "x" + std::to_string(test.d_intermediate) + (test.layout == SWIGLU_KN ? "_kn" : "_nk") + " m=";
  for (std::size_t i = 0; i < test.m.size(); ++i) {
    text += i == 0 ? "" : ",";
    text += std::to_string(test.m[i]);
  }
  if (test.out_dtype) {
    text += std::string(" out_dtype=") + name_of(*test.out_dtype);
  }
  text += spell_placement("x", test.x) + spell_placement("w", test.weights) + spell_placement("out", test.outputs);
  text += test.packing == Packing::separate ? "" : test.packing == Packing::gate_up ? " gate|up" : " up|gate";
  text += test.packed_store ? " g|u" : "";
  constexpr const char* kDataNames[] = {"", " integers", " zeros", " custom"};
  text += kDataNames[static_cast<int>(test.data)];
  return text;
}

swiglu_plan_desc plan_desc(const Case& test, std::int32_t device) {
  const std::int64_t weight_halves = test.packing == Packing::separate ? 1 : 2;
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = test.dtype;
  if (test.out_dtype) {
    desc.out_dtype = *test.out_dtype;
  }
  desc.accum = test.accum;
  desc.weight_layout = test.layout;
  desc.passes = test.passes;
  desc.d_model = test.d_model;
  desc.d_intermediate = test.d_intermediate;
  desc.ld_x = test.d_model + test.x.padding;
  desc.ld_w_gate =
      (test.layout == SWIGLU_KN ? weight_halves * test.d_intermediate : test.d_model) + test.weights.padding;
  desc.ld_w_up = desc.ld_w_gate;
  desc.ld_out = test.d_intermediate + test.outputs.padding;
  desc.ld_g = test.d_intermediate * (test.packed_store ? 2 : 1) + test.outputs.padding;
  desc.ld_u = desc.ld_g;
  desc.device = device;
  return desc;
}

Trial::Trial(Memory& memory, const Case& test, std::int64_t m) : test_(test), m_(m), effective_accum_(test.accum) {
  if (memory.device() == SWIGLU_DEVICE_CPU && test.accum != SWIGLU_ACCUM_F64) {
    effective_accum_ = SWIGLU_ACCUM_F32;
  }
  const bool is_kn = test.layout == SWIGLU_KN;
  const swiglu_dtype out_dtype = test.out_dtype.value_or(test.dtype);
  x_ = std::make_unique<GuardedMatrix>(memory, test.dtype, m, test.d_model, test.x);
  const int halves = test.packing == Packing::separate ? 1 : 2;
  weights_.push_back(make_weights(memory, test, halves));
  if (halves == 1) {
    weights_.push_back(make_weights(memory, test, 1));
  }
  const MatrixView first{weights_[0].get(), 0, 0};
  const MatrixView second =
      halves == 1 ? MatrixView{weights_[1].get(), 0, 0}
                  : MatrixView{weights_[0].get(), is_kn ? 0 : test.d_intermediate, is_kn ? test.d_intermediate : 0};
  w_gate_ = test.packing == Packing::up_gate ? second : first;
  w_up_ = test.packing == Packing::up_gate ? first : second;

  const std::int64_t stored_rows = (test.passes & SWIGLU_PASS_FORWARD_STORE) != 0 ? m : 0;
  out_ = std::make_unique<GuardedMatrix>(memory, out_dtype, m, test.d_intermediate, test.outputs);
  stored_.push_back(std::make_unique<GuardedMatrix>(memory, out_dtype, stored_rows,
                                                    test.d_intermediate * (test.packed_store ? 2 : 1), test.outputs));
  g_ = {stored_[0].get(), 0, 0};
  u_ = {stored_[0].get(), 0, test.d_intermediate};
  if (!test.packed_store) {
    stored_.push_back(
        std::make_unique<GuardedMatrix>(memory, out_dtype, stored_rows, test.d_intermediate, test.outputs));
    u_ = {stored_[1].get(), 0, 0};
  }

  fill();
}

void Trial::fill() {
  const double deviation = 1 / std::sqrt(static_cast<double>(test_.d_model));
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (test_.data == Data::integers) {
      weights_[i]->fill_integers(kWeightStream + i, 1);
    } else if (test_.data == Data::custom) {
      weights_[i]->fill_value(0);
    } else {
      weights_[i]->fill_normal(kWeightStream + i, deviation);
    }
  }
  if (test_.data == Data::integers) {
    x_->fill_integers(kXStream, 2);
  } else if (test_.data == Data::normal) {
    x_->fill_normal(kXStream, 1);
  } else {
    x_->fill_value(0);
  }
}

void Trial::upload() {
  x_->upload();
  for (auto& matrix : weights_) {
    matrix->upload();
  }
  out_->poison_elements();
  out_->upload();
  for (auto& matrix : stored_) {
    matrix->poison_elements();
    matrix->upload();
  }
}

swiglu_forward_args Trial::args(std::uint32_t pass) const {
  swiglu_forward_args args{};
  args.struct_size = sizeof args;
  args.m = m_;
  args.x = x_->device();
  args.w_gate = w_gate_.device();
  args.w_up = w_up_.device();
  args.out = out_->device();
  if (stores(pass)) {
    args.g = g_.device();
    args.u = u_.device();
  }
  return args;
}

void Trial::download_outputs() {
  out_->download();
  for (auto& matrix : stored_) {
    matrix->download();
  }
}

std::string Trial::damage(std::uint32_t pass) const {
  std::string damage = x_->damage("x", true);
  for (const auto& matrix : weights_) {
    damage += matrix->damage(weights_.size() == 1 ? "packed weights" : "weights", true);
  }
  damage += out_->damage("out", false);
  for (const auto& matrix : stored_) {  // another pass must not touch them at all
    damage += matrix->damage(test_.packed_store ? "packed g|u" : "g or u", !stores(pass));
  }
  return damage;
}

std::string Trial::verify(std::uint32_t pass) {
  x_->download();
  for (auto& matrix : weights_) {
    matrix->download();
  }
  download_outputs();
  std::string failure = damage(pass);
  if (m_ == 0) {
    return failure;
  }
  CompareOptions options;
  options.random_data = test_.data == Data::normal;
  const Comparison of_out = compare(out(), Output::out, effective_accum_, reference(), options);
  failure += of_out.failure;
  worst_.error = std::max(worst_.error, of_out.error);
  worst_.worst_block = std::max(worst_.worst_block, of_out.worst_block);
  worst_.unfused = std::max(worst_.unfused, of_out.unfused);
  if (stores(pass)) {
    options.exact = test_.data != Data::normal;
    failure += compare(g_, Output::g, effective_accum_, reference(), options).failure;
    failure += compare(u_, Output::u, effective_accum_, reference(), options).failure;
  }
  return failure;
}

std::string Trial::verify_untouched() {
  download_outputs();
  std::string damage = out_->damage("out", true);
  for (const auto& matrix : stored_) {
    damage += matrix->damage("g or u", true);
  }
  return damage;
}

std::vector<std::byte> Trial::output_bytes(std::uint32_t pass) {
  std::vector<MatrixView> views = {out()};
  if (stores(pass)) {
    views.push_back(g_);
    views.push_back(u_);
  }
  std::vector<std::byte> bytes;
  for (const MatrixView& view : views) {
    const std::size_t row_bytes = static_cast<std::size_t>(test_.d_intermediate) * bytes_of(view.matrix->dtype());
    for (std::int64_t row = 0; row < m_; ++row) {
      const std::byte* from = view.matrix->host(view.row + row, view.column);
      bytes.insert(bytes.end(), from, from + row_bytes);
    }
  }
  return bytes;
}

Operands Trial::operands() const {
  return {test_.dtype, test_.layout, test_.d_model, test_.d_intermediate, {x_.get(), 0, 0}, w_gate_, w_up_};
}

const Reference& Trial::reference() {
  if (!reference_) {
    const std::int64_t affordable = kReferenceOperations / (test_.d_model * test_.d_intermediate);
    reference_ = oracle_reference(operands(), sample_rows(m_, std::clamp(affordable, kLeastRows, kMostRows)));
  }
  return *reference_;
}

namespace {

// Of the memory under test; null where it has no bytes.
class Workspace {
 public:
  Workspace(Memory& memory, std::size_t bytes)
      : memory_(memory), pointer_(bytes == 0 ? nullptr : memory.allocate(bytes)) {}
  ~Workspace() {
    if (pointer_ != nullptr) {
      memory_.release(pointer_);
    }
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void* get() const { return pointer_; }

 private:
  Memory& memory_;
  void* pointer_;
};

}  // namespace

std::string run_case(Memory& memory, const Case& test) {
  std::string failure;
  try {
    const Plan plan = make_plan(plan_desc(test, memory.device()));
    for (const std::int64_t m : test.m) {
      Trial trial(memory, test, m);
      for (const std::uint32_t pass : {SWIGLU_PASS_FORWARD, SWIGLU_PASS_FORWARD_STORE}) {
        if ((test.passes & pass) == 0) {
          continue;
        }
        std::size_t wanted = 0;
        require(swiglu_plan_workspace_size(plan.get(), pass, m, &wanted), "swiglu_plan_workspace_size");
        for (const std::size_t lent : wanted == 0 ? std::vector<std::size_t>{0} : std::vector<std::size_t>{0, wanted}) {
          const Workspace workspace(memory, lent);
          trial.upload();
          swiglu_forward_args args = trial.args(pass);
          args.workspace = workspace.get();
          args.workspace_size = lent;
          require(swiglu_execute(plan.get(), &args, nullptr), "swiglu_execute");
          const std::string problem = trial.verify(pass);
          if (!problem.empty()) {
            failure += std::string(" [m=") + std::to_string(m) + (stores(pass) ? " forward_store" : " forward") +
                       (lent > 0 ? " workspace] " : "] ") + problem;
          }
        }
      }
    }
  } catch (const std::exception& error) {
    failure += std::string(" ") + error.what();
  }
  return failure.empty() ? failure : spelling(test) + ":" + failure + " (" + seed_text() + ")";
}

std::vector<std::string> run_cases(Memory& memory, const std::vector<Case>& cases) {
  const unsigned machine = std::max(1U, std::thread::hardware_concurrency());
  const unsigned threads = memory.device() == SWIGLU_DEVICE_CPU ? std::min(2U, machine) : std::min(12U, machine);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::vector<std::string> failures;
  parallel_for(threads, static_cast<int>(threads), [&](std::int64_t, std::int64_t) {
    for (std::size_t i = next++; i < cases.size(); i = next++) {
      const std::string failure = run_case(memory, cases[i]);
      if (!failure.empty()) {
        const std::lock_guard<std::mutex> lock(mutex);
        failures.push_back(failure);
      }
    }
  });
  return failures;
}

void prepare_all(Memory& memory, const std::vector<Case>& cases) {
  if (memory.device() == SWIGLU_DEVICE_CPU) {
    return;
  }
  const auto count = static_cast<std::int64_t>(cases.size());
  parallel_for(count, static_cast<int>(std::min<std::int64_t>(count, 16)), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Case& test = cases[static_cast<std::size_t>(i)];
      const swiglu_plan_desc desc = plan_desc(test, memory.device());
      swiglu_plan* plan = nullptr;
      if (swiglu_plan_create(&plan, &desc) == SWIGLU_OK) {
        for (const std::int64_t m : test.m) {
          swiglu_plan_prepare(plan, m);
        }
        swiglu_plan_destroy(plan);
      }
    }
  });
}

}  // namespace swiglu_test
