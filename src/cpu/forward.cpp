#include "cpu/forward.h"

#include <array>
#include <cstdint>

#include "cpu/block_product.h"
#include "cpu/store.h"
#include "cpu/workers.h"

namespace swiglu::cpu {
namespace {

template <typename Real>
void run(const Problem& problem, OutType out_type, const ForwardParams& params, int threads) {
  using Product = BlockProduct<Real>;
  const auto source = [&](const void* matrix, long long pitch, bool lanes_are_rows) {
    return Source<Real>{problem.dtype, static_cast<const std::uint16_t*>(matrix), nullptr, pitch, lanes_are_rows};
  };
  const bool nk = problem.layout == Layout::nk;
  const Source<Real> x = source(params.x, params.ld_x, true);
  const std::array weights = {source(params.w_gate, params.ld_w_gate, nk), source(params.w_up, params.ld_w_up, nk)};
  const double flops = 4.0 * static_cast<double>(params.m) * problem.d_model * problem.d_intermediate;
  Workers<Product> workers(threads, flops);
  workers.run(BlockPlace::count(params.m, problem.d_intermediate), flops, [&](long long task, Product& product) {
    const BlockPlace place = BlockPlace::of(task, params.m, problem.d_intermediate);
    product.begin();
    product.add(place, x, weights, problem.d_model);
    store({out_type, params.out, params.g, params.u, params.ld_out, params.ld_g, params.ld_u, place.row, place.column,
           place.rows, place.columns},
          product.sums(), Product::kPitch, kColumnBlock);
  });
}

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
    run<double>(problem, out_type, wanted, threads);
  } else {
    run<float>(problem, out_type, wanted, threads);
  }
}

}  // namespace swiglu::cpu
