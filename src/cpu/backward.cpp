#include "cpu/backward.h"

#include <array>
#include <cstdint>

#include "cpu/activation.h"
#include "cpu/block_product.h"
#include "cpu/element.h"
#include "cpu/workers.h"

namespace swiglu::cpu {
namespace {

template <typename Real>
class Backward {
  using Product = BlockProduct<Real>;

 public:
  Backward(const Problem& problem, const BackwardTypes& types, const BackwardParams& params, void* workspace,
           int threads)
      : problem_(problem),
        types_(types),
        params_(params),
        dg_(static_cast<Real*>(workspace)),
        du_(dg_ + params.m * problem.d_intermediate),
        workers_(threads, flops(4)) {}

  void run() {
    params_.g == nullptr ? recompute() : from_stored();
    if (params_.dx != nullptr) {
      dx();
    }
    if (params_.dw_gate != nullptr) {
      dw(params_.dw_gate, params_.ld_dw_gate, dg_);
    }
    if (params_.dw_up != nullptr) {
      dw(params_.dw_up, params_.ld_dw_up, du_);
    }
  }

 private:
  Source<Real> elements(const void* matrix, long long pitch, bool lanes_are_rows) const {
    return {problem_.dtype, static_cast<const std::uint16_t*>(matrix), nullptr, pitch, lanes_are_rows};
  }
  Source<Real> gradient(const Real* matrix, bool lanes_are_rows) const {
    return {problem_.dtype, nullptr, matrix, problem_.d_intermediate, lanes_are_rows};
  }
  double flops(double products) const {
    return products * static_cast<double>(params_.m) * problem_.d_model * problem_.d_intermediate;
  }

  // dg and du of a run of elements of one row. `g(i)` and `u(i)` give the pre-activations.
  template <typename Gate, typename Up>
  void put_gradients(long long row, long long column, int count, Gate g, Up u) const {
    const long long at = row * problem_.d_intermediate + column;
    with_type(types_.out, [&](auto type) {
      using Type = decltype(type);
      const auto* dout = static_cast<const typename Type::Element*>(params_.dout) + row * params_.ld_dout + column;
      for (int i = 0; i < count; ++i) {
        const GateGradient<Real> gradient = gate_gradient<Real>(g(i), u(i), static_cast<Real>(Type::widen(dout[i])));
        dg_[at + i] = gradient.dg;
        du_[at + i] = gradient.du;
      }
    });
  }

  void from_stored() {
    const double work = 40.0 * static_cast<double>(params_.m) * problem_.d_intermediate;
    workers_.run(params_.m, work, [&](long long row, Product&) {
      with_type(types_.out, [&](auto type) {
        using Type = decltype(type);
        using Element = typename Type::Element;
        const Element* g = static_cast<const Element*>(params_.g) + row * params_.ld_g;
        const Element* u = static_cast<const Element*>(params_.u) + row * params_.ld_u;
        put_gradients(
            row, 0, problem_.d_intermediate, [&](int i) { return static_cast<Real>(Type::widen(g[i])); },
            [&](int i) { return static_cast<Real>(Type::widen(u[i])); });
      });
    });
  }

  void recompute() {
    const bool nk = problem_.layout == Layout::nk;
    const Source<Real> x = elements(params_.x, params_.ld_x, true);
    const std::array weights = {elements(params_.w_gate, params_.ld_w_gate, nk),
                                elements(params_.w_up, params_.ld_w_up, nk)};
    workers_.run(
        BlockPlace::count(params_.m, problem_.d_intermediate), flops(4), [&](long long task, Product& product) {
          const BlockPlace place = BlockPlace::of(task, params_.m, problem_.d_intermediate);
          product.begin();
          product.add(place, x, weights, problem_.d_model);
          for (int row = 0; row < place.rows; ++row) {
            const Real* g = product.sums() + static_cast<long long>(row) * Product::kPitch;
            const Real* u = g + kColumnBlock;
            put_gradients(
                place.row + row, place.column, place.columns, [&](int i) { return g[i]; }, [&](int i) { return u[i]; });
          }
        });
  }

  void dx() {
    const bool kn = problem_.layout == Layout::kn;
    workers_.run(BlockPlace::count(params_.m, problem_.d_model), flops(4), [&](long long task, Product& product) {
      const BlockPlace place = BlockPlace::of(task, params_.m, problem_.d_model);
      product.begin();
      product.add(place, gradient(dg_, true), std::array{elements(params_.w_gate, params_.ld_w_gate, kn)},
                  problem_.d_intermediate);
      product.add(place, gradient(du_, true), std::array{elements(params_.w_up, params_.ld_w_up, kn)},
                  problem_.d_intermediate);
      store(types_.out, params_.dx, params_.ld_dx, false, place, product.sums());
    });
  }

  // Rows and columns are those of the weight's own layout.
  void dw(void* matrix, long long ld, const Real* gradients) {
    const bool kn = problem_.layout == Layout::kn;
    const Source<Real> x = elements(params_.x, params_.ld_x, false);
    const Source<Real> d = gradient(gradients, false);
    const long long rows = kn ? problem_.d_model : problem_.d_intermediate;
    const long long columns = kn ? problem_.d_intermediate : problem_.d_model;
    workers_.run(BlockPlace::count(rows, columns), flops(2), [&](long long task, Product& product) {
      const BlockPlace place = BlockPlace::of(task, rows, columns);
      product.begin();
      product.add(place, kn ? x : d, std::array{kn ? d : x}, params_.m);
      store(types_.dw, matrix, ld, params_.accumulate != 0, place, product.sums());
    });
  }

  static void store(OutType out_type, void* matrix, long long ld, bool accumulate, const BlockPlace& place,
                    const Real* sums) {
    with_type(out_type, [&](auto type) {
      using Type = decltype(type);
      for (int row = 0; row < place.rows; ++row) {
        auto* to = static_cast<typename Type::Element*>(matrix) + (place.row + row) * ld + place.column;
        const Real* from = sums + static_cast<long long>(row) * Product::kPitch;
        for (int i = 0; i < place.columns; ++i) {
          to[i] = Type::round(accumulate ? static_cast<Real>(Type::widen(to[i])) + from[i] : from[i]);
        }
      }
    });
  }

  Problem problem_;
  BackwardTypes types_;
  BackwardParams params_;
  Real* dg_;  // [m][d_intermediate], as du
  Real* du_;
  Workers<Product> workers_;
};

}  // namespace

bool backward_workspace(const Problem& problem, Accumulate accumulate, long long m, std::size_t* bytes) {
  const std::size_t element = accumulate == Accumulate::f64 ? sizeof(double) : sizeof(float);
  return !__builtin_mul_overflow(static_cast<std::size_t>(m), static_cast<std::size_t>(problem.d_intermediate),
                                 bytes) &&
         !__builtin_mul_overflow(*bytes, 2 * element, bytes);
}

void backward(const Problem& problem, const BackwardTypes& types, const BackwardParams& params, void* workspace,
              int threads) {
  if (types.accumulate == Accumulate::f64) {
    Backward<double>(problem, types, params, workspace, threads).run();
  } else {
    Backward<float>(problem, types, params, workspace, threads).run();
  }
}

}  // namespace swiglu::cpu
