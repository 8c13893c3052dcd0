// Tasks are blocks of kRowBlock x kColumnBlock outputs, split among threads in contiguous runs. A task widens kDepth
// steps of its operands into panels that stay in the L2 cache, multiplies them, and goes on along k; then it stores.
#include "cpu/forward.h"

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <thread>
#include <vector>

#include "cpu/micro_kernel.h"
#include "cpu/pack.h"
#include "cpu/store.h"

namespace swiglu::cpu {
namespace {

constexpr int kRowBlock = 96;      // a multiple of every micro-kernel's rows
constexpr int kColumnBlock = 128;  // of gate and of up each; a multiple of every micro-kernel's columns
constexpr int kDepth = 256;
constexpr int kSumsPitch = 2 * kColumnBlock;    // [row][gate | up]
constexpr double kMinimumFlopsPerThread = 2e6;  // below this, starting a thread costs more than it saves

template <typename Real>
struct Scratch {
  std::vector<Real> x = std::vector<Real>(std::size_t{kRowBlock} * kDepth);
  std::vector<Real> w = std::vector<Real>(std::size_t{kColumnBlock} * kDepth);
  std::vector<Real> sums = std::vector<Real>(std::size_t{kRowBlock} * kSumsPitch);
};

template <typename Real>
class Forward {
 public:
  Forward(const Problem& problem, OutType out_type, const ForwardParams& params)
      : problem_(problem),
        out_type_(out_type),
        params_(params),
        kernel_(micro_kernel(Real{})),
        row_blocks_((params.m + kRowBlock - 1) / kRowBlock),
        column_blocks_((static_cast<long long>(problem.d_intermediate) + kColumnBlock - 1) / kColumnBlock) {}

  void run(int threads) {
    const long long tasks = row_blocks_ * column_blocks_;
    const double flops = 4.0 * static_cast<double>(params_.m) * problem_.d_model * problem_.d_intermediate;
    const auto useful = static_cast<long long>(std::min(1e9, flops / kMinimumFlopsPerThread));
    const long long workers = std::clamp<long long>(std::min<long long>(threads, useful), 1, tasks);
    std::vector<Scratch<Real>> scratch(static_cast<std::size_t>(workers));
    const auto run_share = [&](long long worker) {
      for (long long task = tasks * worker / workers; task < tasks * (worker + 1) / workers; ++task) {
        run_task(task, scratch[static_cast<std::size_t>(worker)]);
      }
    };
    std::vector<std::jthread> helpers;
    helpers.reserve(static_cast<std::size_t>(workers));
    long long started = 1;
    try {
      for (; started < workers; ++started) {
        helpers.emplace_back(run_share, started);
      }
    } catch (const std::system_error&) {
      // No more threads to be had: this one takes the shares that are left.
    }
    run_share(0);
    for (; started < workers; ++started) {
      run_share(started);
    }
  }

 private:
  // Consecutive tasks share their columns, hence their part of the weights.
  void run_task(long long task, Scratch<Real>& scratch) const {
    const long long row = task % row_blocks_ * kRowBlock;
    const long long column = task / row_blocks_ * kColumnBlock;
    const int rows = static_cast<int>(std::min<long long>(kRowBlock, params_.m - row));
    const int columns = static_cast<int>(std::min<long long>(kColumnBlock, problem_.d_intermediate - column));
    std::fill(scratch.sums.begin(), scratch.sums.end(), Real{0});
    for (long long k = 0; k < problem_.d_model; k += kDepth) {
      const int depth = static_cast<int>(std::min<long long>(kDepth, problem_.d_model - k));
      pack_rows({problem_.dtype, static_cast<const std::uint16_t*>(params_.x) + row * params_.ld_x + k, params_.ld_x},
                rows, depth, kernel_.rows, scratch.x.data());
      multiply_half(params_.w_gate, params_.ld_w_gate, column, columns, k, depth, rows, scratch, scratch.sums.data());
      multiply_half(params_.w_up, params_.ld_w_up, column, columns, k, depth, rows, scratch,
                    scratch.sums.data() + kColumnBlock);
    }
    store({out_type_, params_.out, params_.g, params_.u, params_.ld_out, params_.ld_g, params_.ld_u, row, column, rows,
           columns},
          scratch.sums.data(), kSumsPitch, kColumnBlock);
  }

  // sums [rows][columns] += x panels times one half of the weights.
  void multiply_half(const void* weights, long long ld, long long column, int columns, long long k, int depth, int rows,
                     Scratch<Real>& scratch, Real* sums) const {
    const auto* w = static_cast<const std::uint16_t*>(weights);
    if (problem_.layout == Layout::kn) {
      pack_columns({problem_.dtype, w + k * ld + column, ld}, columns, depth, kernel_.columns, scratch.w.data());
    } else {
      pack_rows({problem_.dtype, w + column * ld + k, ld}, columns, depth, kernel_.columns, scratch.w.data());
    }
    for (int c = 0; c < columns; c += kernel_.columns) {
      for (int r = 0; r < rows; r += kernel_.rows) {
        kernel_.accumulate(depth, scratch.x.data() + static_cast<long long>(r) * depth,
                           scratch.w.data() + static_cast<long long>(c) * depth,
                           sums + static_cast<long long>(r) * kSumsPitch + c, kSumsPitch);
      }
    }
  }

  Problem problem_;
  OutType out_type_;
  ForwardParams params_;
  const MicroKernel<Real>& kernel_;
  long long row_blocks_;
  long long column_blocks_;
};

}  // namespace

void forward(const Problem& problem, Accumulate accumulate, OutType out_type, const ForwardParams& params,
             int threads) {
  if (params.m <= 0) {
    return;
  }
  ForwardParams wanted = params;
  if (problem.pass != Pass::forward_store) {
    wanted.g = nullptr;
    wanted.u = nullptr;
  }
  if (accumulate == Accumulate::f64) {
    Forward<double>(problem, out_type, wanted).run(threads);
  } else {
    Forward<float>(problem, out_type, wanted).run(threads);
  }
}

}  // namespace swiglu::cpu
