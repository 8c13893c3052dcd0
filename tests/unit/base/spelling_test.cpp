// Spellings of problems, tiles and configurations: printed, parsed back, and refused when not exact.
#include "base/spelling.h"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <string>

namespace {

using namespace swiglu;

constexpr Tile kTile{128, 64, 32, 4, 2, 2, 16};

TEST_CASE("known spellings") {
  CHECK(print(Problem{DType::bf16, Accum::f32, Layout::kn, Pass::forward, 4096, 14336, 16}) ==
        "bf16_f32_4096x14336_kn");
  CHECK(print(Problem{DType::f16, Accum::f16_promoted, Layout::nk, Pass::forward_store, 7, 1, 2}) ==
        "f16_f16_promoted_7x1_nk_gu_a2");
  CHECK(print(kTile) == "128x64x32_s4_w2x2_g16");
  CHECK(print(KernelConfig{{DType::f16, Accum::f16, Layout::kn, Pass::forward, 64, 96, 8}, Family::mma_sm80, kTile}) ==
        "f16_f16_64x96_kn_a8/mma_sm80/128x64x32_s4_w2x2_g16");
  CHECK(print(Problem{DType::bf16, Accum::f32, Layout::kn, Pass::dw, 64, 96, 16, Gradient::f32}) ==
        "bf16_f32_64x96_kn_dw_to_f32");
  CHECK(print(Problem{DType::f16, Accum::f16_promoted, Layout::nk, Pass::dx, 64, 96, 4}) ==
        "f16_f16_promoted_64x96_nk_dx_a4");
  CHECK(std::string(name(Pass::forward_store)) == "forward_store");
  CHECK(std::string(name(Pass::dw_single)) == "dw_single");
  CHECK(std::string(name(Gradient::f32)) == "f32");
  CHECK(std::string(name(Family::simt)) == "simt");
}

TEST_CASE("parse(print(x)) == x for every combination, and every print is its own") {
  std::set<std::string> seen;
  int count = 0;
  for (const DType dtype : {DType::bf16, DType::f16}) {
    for (const Accum accum : {Accum::f32, Accum::f16, Accum::f16_promoted}) {
      for (const Layout layout : {Layout::kn, Layout::nk}) {
        for (int number = 0; number < 2 * kPasses; ++number) {
          const auto pass = static_cast<Pass>(number / 2);
          const Gradient gradient = number % 2 == 0 ? Gradient::element : Gradient::f32;
          for (const int access : {2, 4, 8, 16}) {
            for (const Family family : {Family::simt, Family::mma_sm80, Family::wgmma_sm90, Family::streaming}) {
              for (const int size : {1, 4096, std::numeric_limits<int>::max()}) {
                const KernelConfig config{
                    {dtype, accum, layout, pass, size, 1 + size / 2, access, gradient}, family, kTile};
                const std::string text = print(config);
                CHECK(parse_config(text) == config);
                CHECK(parse_problem(print(config.problem)) == config.problem);
                seen.insert(text);
                ++count;
              }
            }
          }
        }
      }
    }
  }
  CHECK(static_cast<int>(seen.size()) == count);
  CHECK(parse_tile(print(kTile)) == kTile);
}

TEST_CASE("problems that are not exactly a spelling are refused") {
  for (const char* text : {"",
                           "bf16",
                           "bf16_f32_4096x14336",
                           "bf16_f32_4096x14336_",
                           "bf16_f32_4096x14336_mk",
                           "f32_f32_1x1_kn",
                           "bf16_f64_1x1_kn",
                           "bf16_f32_0x1_kn",
                           "bf16_f32_1x0_kn",
                           "bf16_f32_-1x1_kn",
                           "bf16_f32_+1x1_kn",
                           "bf16_f32_01x1_kn",
                           "bf16_f32_ 1x1_kn",
                           "bf16_f32_1x1_kn_a16",
                           "bf16_f32_1x1_kn_a3",
                           "bf16_f32_1x1_kn_a08",
                           "bf16_f32_1x1_kn_a8_gu",
                           "bf16_f32_1x1_kn_gu_gu",
                           "bf16_f32_1x1_kn_dw_",
                           "bf16_f32_1x1_kn_dw_single_dw",
                           "bf16_f32_1x1_kn_to_f32_dw",
                           "bf16_f32_1x1_kn_dw_a8_to_f32",
                           "bf16_f32_1x1_kn_dy",
                           "bf16_f32_1x1_kn ",
                           " bf16_f32_1x1_kn",
                           "BF16_f32_1x1_kn",
                           "bf16_f32_2147483648x1_kn",
                           "bf16_f32_99999999999999999999x1_kn",
                           "bf16_f32_1x1_knx",
                           "bf16_f32_1X1_kn",
                           "bf16_f32_1x1_kn\n",
                           "bf16_f16_promote_1x1_kn"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_problem(text).has_value());
  }
  CHECK_FALSE(parse_problem(std::string_view("bf16_f32_1x1_kn\0", 16)).has_value());
}

TEST_CASE("tiles and configurations that are not exactly a spelling are refused") {
  const std::string tile = print(kTile);
  for (std::size_t length = 0; length < tile.size(); ++length) {
    const auto parsed = parse_tile(tile.substr(0, length));
    CHECK((!parsed || print(*parsed) == tile.substr(0, length)));  // "..._g1" is a tile of its own
  }
  for (const char* text : {"128x64x32", "128x64x32_s4_w2x2", "128x64x32_s4_w2x2_g0", "128x64x32_s04_w2x2_g16",
                           "128x64x32_s4_w2x2_g16_", "128x64x32_w2x2_s4_g16", "-128x64x32_s4_w2x2_g16"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_tile(text).has_value());
  }
  const std::string problem = "bf16_f32_8x8_kn";
  CHECK(parse_config(problem + "/simt/" + tile).has_value());
  for (const std::string& text :
       {problem, problem + "/simt", problem + "/simt/", problem + "//" + tile, problem + "/wgmma/" + tile,
        problem + "/simt_/" + tile, problem + "/simt/" + tile + "/", "/simt/" + tile, problem + "/simt/x/" + tile}) {
    CAPTURE(text);
    CHECK_FALSE(parse_config(text).has_value());
  }
}

}  // namespace
