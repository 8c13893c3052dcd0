// The tensor maps of a launch: of which matrices, and what is read of memory.
#include <doctest/doctest.h>

#include "kernels/tma_params.h"

#include <vector>

namespace swiglu {
namespace {

struct Described {
  MatrixView matrix;
  Box box;
};

// x, w_gate, w_up, out: [m, 256] by [512, 256].
std::vector<Described> maps_of(long long m) {
  constexpr KernelConfig kConfig{{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 256, 512, 16},
                                 Family::wgmma_sm90,
                                 {64, 112, 64, 5, 4, 1, 16}};
  ForwardParams params{};
  params.m = m;
  params.ld_x = params.ld_w_gate = params.ld_w_up = 264;
  params.ld_out = 520;
  std::vector<Described> maps;
  tma_params(kConfig, params, [&](const MatrixView& matrix, const Box& box) {
    maps.push_back({matrix, box});
    return TensorMap{};
  });
  REQUIRE(maps.size() == 4);
  return maps;
}

TEST_CASE("tensor maps describe the matrices as they lie, in boxes of a tile") {
  const std::vector<Described> maps = maps_of(48);
  CHECK(maps[0].matrix.rows == 48);
  CHECK(maps[0].matrix.columns == 256);
  CHECK(maps[0].matrix.pitch == 264);
  CHECK(maps[0].box.rows == 64);
  CHECK(maps[1].matrix.rows == 512);
  CHECK(maps[1].box.rows == 112);
  CHECK(maps[3].matrix.columns == 512);
  CHECK(maps[3].matrix.pitch == 520);
}

TEST_CASE("what is loaded in pairs of stages is not promoted") {
  for (const long long m : {31, 32, 64, 65}) {
    const std::vector<Described> maps = maps_of(m);
    const bool in_pairs = m == 32 || m == 64;
    for (std::size_t operand = 0; operand < 3; ++operand) {
      CHECK_MESSAGE(maps[operand].box.promotion_bytes == (in_pairs ? 0 : 256), m);
    }
  }
}

}  // namespace
}  // namespace swiglu
