// Real sizes: the layer of an 8-billion-parameter model in every kind, offsets beyond 2^31 elements, and more row tiles
// than a grid's second dimension can count. References are of sampled rows: rows do not influence each other.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "gpu/cuda_memory.h"
#include "numeric/cases.h"
#include "support/number_format.h"
#include "support/plan.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

std::size_t free_device_bytes() {
  std::size_t free_bytes = 0;
  std::size_t total = 0;
  require_cuda(cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo");
  return free_bytes;
}

// The sampled rows are compared; the others must at least have been written with numbers.
std::int64_t count_not_finite(const MatrixView& matrix, std::int64_t rows, std::int64_t columns) {
  const float* values = decode_table(matrix.matrix->dtype());
  std::atomic<std::int64_t> count{0};
  parallel_for(rows, 0, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t mine = 0;
    for (std::int64_t row = begin; row < end; ++row) {
      const std::byte* from = matrix.matrix->host(matrix.row + row, matrix.column);
      for (std::int64_t column = 0; column < columns; ++column, from += 2) {
        std::uint16_t bits;
        std::memcpy(&bits, from, sizeof bits);
        mine += std::isfinite(values[bits]) ? 0 : 1;
      }
    }
    count += mine;
  });
  return count;
}

}  // namespace

TEST_CASE("4096 x 4096 x 14336, every kind") {
  constexpr std::int64_t kM = 4096;
  std::vector<Case> cases;
  for (const Kind& kind : kKinds) {
    cases.push_back(make_case(kind, 4096, 14336, {kM}));
    cases.back().passes = SWIGLU_PASS_FORWARD;
  }
  prepare_all(memory_under_test(), cases);
  for (const Case& test : cases) {
    const Plan plan = make_plan(plan_desc(test, test_device()));
    Trial trial(memory_under_test(), test, kM);
    trial.upload();
    const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
    const swiglu_status status = swiglu_execute(plan.get(), &args, nullptr);
    REQUIRE_MESSAGE(status == SWIGLU_OK, spelling(test), ": ", last_error());
    const std::string failure = trial.verify(SWIGLU_PASS_FORWARD);
    CHECK_MESSAGE(failure.empty(), spelling(test), ": ", failure, " (", seed_text(), ")");
    CHECK_MESSAGE(count_not_finite(trial.out(), kM, test.d_intermediate) == 0, spelling(test));
    MESSAGE(spelling(test), ": relative error ", trial.worst().error, ", worst block ", trial.worst().worst_block,
            " of its bound, an unfused computation's error ", trial.worst().unfused);
  }
}

TEST_CASE("millions of rows: more row tiles than 65535") {
  constexpr std::int64_t kM = (std::int64_t{1} << 23) + 1;
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {
    Case test = make_case(kind, 8, 8, {kM});
    test.passes = SWIGLU_PASS_FORWARD;
    const Plan plan = make_plan(plan_desc(test, test_device()));
    Trial trial(memory_under_test(), test, kM);
    trial.upload();
    const swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
    const swiglu_status status = swiglu_execute(plan.get(), &args, nullptr);
    REQUIRE_MESSAGE(status == SWIGLU_OK, spelling(test), ": ", last_error());
    const std::string failure = trial.verify(SWIGLU_PASS_FORWARD);
    CHECK_MESSAGE(failure.empty(), spelling(test), ": ", failure, " (", seed_text(), ")");
    CHECK(count_not_finite(trial.out(), kM, 8) == 0);
  }
}

namespace {

// A dense matrix on the host, and the same on the device with a pitch of more than 2^31 elements in all. All the device
// memory is 0xFF bytes (NaN) but for the matrix.
class WideMatrix {
 public:
  WideMatrix(std::int64_t rows, std::int64_t columns, std::int64_t pitch)
      : rows_(rows),
        columns_(columns),
        pitch_(pitch),
        host_(static_cast<std::size_t>(rows * columns)),
        device_(make_buffer(bytes())) {
    require_cuda(cudaMemset(device_.get(), 0xFF, bytes()), "cudaMemset");
  }

  static std::size_t bytes(std::int64_t rows, std::int64_t pitch) { return static_cast<std::size_t>(rows * pitch) * 2; }
  std::size_t bytes() const { return bytes(rows_, pitch_); }
  std::uint16_t* device() const { return static_cast<std::uint16_t*>(device_.get()); }

  void upload(const GuardedMatrix& from) {
    for (std::int64_t row = 0; row < rows_; ++row) {
      std::memcpy(&host_[static_cast<std::size_t>(row * columns_)], from.host(row, 0),
                  static_cast<std::size_t>(columns_) * 2);
    }
    copy(device_.get(), pitch_, host_.data(), columns_, cudaMemcpyHostToDevice);
  }

  void download(GuardedMatrix& to) {
    copy(host_.data(), columns_, device_.get(), pitch_, cudaMemcpyDeviceToHost);
    for (std::int64_t row = 0; row < rows_; ++row) {
      std::memcpy(to.host(row, 0), &host_[static_cast<std::size_t>(row * columns_)],
                  static_cast<std::size_t>(columns_) * 2);
    }
  }

  // Bytes between rows that are no longer 0xFF.
  std::int64_t count_changed() const {
    const auto pitch = static_cast<std::size_t>(pitch_);
    const std::size_t rows_at_a_time = std::max<std::size_t>(1, (std::size_t{1} << 26) / pitch);
    std::vector<std::uint16_t> part(rows_at_a_time * pitch);
    std::atomic<std::int64_t> changed{0};
    for (std::int64_t row = 0; row < rows_; row += static_cast<std::int64_t>(rows_at_a_time)) {
      const std::int64_t count = std::min<std::int64_t>(static_cast<std::int64_t>(rows_at_a_time), rows_ - row);
      require_cuda(cudaMemcpy(part.data(), device() + row * pitch_, static_cast<std::size_t>(count * pitch_) * 2,
                              cudaMemcpyDeviceToHost),
                   "cudaMemcpy");
      parallel_for(count, 0, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::uint16_t* gap = part.data() + i * pitch_;
          changed += std::count_if(gap + columns_, gap + pitch_, [](std::uint16_t word) { return word != 0xFFFF; });
        }
      });
    }
    return changed;
  }

 private:
  void copy(void* to, std::int64_t to_pitch, const void* from, std::int64_t from_pitch, cudaMemcpyKind kind) const {
    require_cuda(
        cudaMemcpy2D(to, static_cast<std::size_t>(to_pitch) * 2, from, static_cast<std::size_t>(from_pitch) * 2,
                     static_cast<std::size_t>(columns_) * 2, static_cast<std::size_t>(rows_), kind),
        "cudaMemcpy2D");
  }

  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t pitch_;
  std::vector<std::uint16_t> host_;
  DeviceBuffer device_;
};

}  // namespace

TEST_CASE("offsets beyond 2^31 elements in x, the weights and the output") {
  constexpr std::int64_t kM = 2100;
  constexpr std::int64_t kPitch = (std::int64_t{1} << 20) + 8;  // times 2100 rows
  constexpr std::int64_t kDepth = 72;
  constexpr std::int64_t kColumns = 136;
  constexpr std::int64_t kWeightPitch = (std::int64_t{1} << 25) - (std::int64_t{1} << 21);  // times 72 or 136 rows
  for (const Kind& kind : {kKinds[0], kKinds[1]}) {                                         // kn, nk
    const bool is_kn = kind.layout == SWIGLU_KN;
    const std::int64_t weight_rows = is_kn ? kDepth : kColumns;
    const std::int64_t weight_columns = is_kn ? kColumns : kDepth;
    static_assert(kM * kPitch > std::int64_t{1} << 31 && kDepth * kWeightPitch > std::int64_t{1} << 31);
    const std::size_t wanted = 2 * WideMatrix::bytes(kM, kPitch) + 2 * WideMatrix::bytes(weight_rows, kWeightPitch);
    if (free_device_bytes() < wanted + (std::size_t{1} << 30)) {
      MESSAGE("skipped: ", wanted >> 30, " GiB of device memory wanted, ", free_device_bytes() >> 30, " are free");
      continue;
    }
    const Case test = make_case(kind, kDepth, kColumns, {kM});
    HostMemory host;  // the trial makes the data and judges; the library works on the wide copies
    Trial trial(host, test, kM);
    trial.upload();
    WideMatrix x(kM, kDepth, kPitch);
    WideMatrix out(kM, kColumns, kPitch);
    WideMatrix w_gate(weight_rows, weight_columns, kWeightPitch);
    WideMatrix w_up(weight_rows, weight_columns, kWeightPitch);
    x.upload(*trial.x().matrix);
    w_gate.upload(*trial.w_gate().matrix);
    w_up.upload(*trial.w_up().matrix);
    swiglu_plan_desc desc = plan_desc(test, test_device());
    desc.passes = SWIGLU_PASS_FORWARD;
    desc.ld_x = kPitch;
    desc.ld_out = kPitch;
    desc.ld_w_gate = kWeightPitch;
    desc.ld_w_up = kWeightPitch;
    const Plan plan = make_plan(desc);
    swiglu_forward_args args = trial.args(SWIGLU_PASS_FORWARD);
    args.x = x.device();
    args.w_gate = w_gate.device();
    args.w_up = w_up.device();
    args.out = out.device();
    const swiglu_status status = swiglu_execute(plan.get(), &args, nullptr);
    REQUIRE_MESSAGE(status == SWIGLU_OK, last_error());
    require_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    out.download(*trial.out().matrix);
    const Comparison comparison = compare(trial.out(), Output::out, test.accum, trial.reference(), {});
    CHECK_MESSAGE(comparison.failure.empty(), spelling(test), ": ", comparison.failure);
    CHECK(out.count_changed() == 0);
  }
}

}  // namespace swiglu_test
