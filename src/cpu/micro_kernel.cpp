// The register tile is kRows x (kVectors vectors), held in vector-extension variables that g++ and clang keep in
// registers; each instruction set instantiates the same body with its own vector width.
#include "cpu/micro_kernel.h"

#include <cstring>

namespace swiglu::cpu {
namespace {

template <typename Real, int kRows, int kVectors, int kVectorBytes>
[[gnu::always_inline]] inline void accumulate_tile(int k, const Real* x, const Real* w, Real* sums,
                                                   long long sums_pitch) {
  using Vector [[gnu::vector_size(kVectorBytes)]] = Real;
  constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(Real));
  // Copied vector by vector: a copy of the whole array would keep it in memory.
  Vector tile[kRows][kVectors];
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      std::memcpy(&tile[row][v], sums + row * sums_pitch + v * kLanes, kVectorBytes);
    }
  }
  for (int step = 0; step < k; ++step, x += kRows, w += kVectors * kLanes) {
    Vector weights[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      std::memcpy(&weights[v], w + v * kLanes, kVectorBytes);
    }
    for (int row = 0; row < kRows; ++row) {
      for (int v = 0; v < kVectors; ++v) {
        tile[row][v] += x[row] * weights[v];
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int v = 0; v < kVectors; ++v) {
      std::memcpy(sums + row * sums_pitch + v * kLanes, &tile[row][v], kVectorBytes);
    }
  }
}

#if defined(__x86_64__)
// 24 of 32 zmm registers hold sums.
constexpr int kRows512 = 12;
template <typename Real>
[[gnu::target("avx512f")]] void accumulate_avx512(int k, const Real* x, const Real* w, Real* sums, long long pitch) {
  accumulate_tile<Real, kRows512, 2, 64>(k, x, w, sums, pitch);
}

// 12 of 16 ymm registers hold sums.
constexpr int kRowsAvx2 = 6;
template <typename Real>
[[gnu::target("avx2,fma")]] void accumulate_avx2(int k, const Real* x, const Real* w, Real* sums, long long pitch) {
  accumulate_tile<Real, kRowsAvx2, 2, 32>(k, x, w, sums, pitch);
}
#endif

// 8 of at least 16 registers hold sums.
constexpr int kRowsBase = 4;
template <typename Real>
void accumulate_base(int k, const Real* x, const Real* w, Real* sums, long long pitch) {
  accumulate_tile<Real, kRowsBase, 2, 16>(k, x, w, sums, pitch);
}

template <typename Real>
MicroKernel<Real> choose() {
  const auto columns = [](int vector_bytes) { return 2 * vector_bytes / static_cast<int>(sizeof(Real)); };
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return {kRows512, columns(64), accumulate_avx512<Real>};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {kRowsAvx2, columns(32), accumulate_avx2<Real>};
  }
#endif
  return {kRowsBase, columns(16), accumulate_base<Real>};
}

}  // namespace

const MicroKernel<float>& micro_kernel(float) {
  static const MicroKernel<float> kernel = choose<float>();
  return kernel;
}

const MicroKernel<double>& micro_kernel(double) {
  static const MicroKernel<double> kernel = choose<double>();
  return kernel;
}

}  // namespace swiglu::cpu
