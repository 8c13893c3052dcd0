// The rules of swiglu/config.h and the tile table they are applied to.
#include "tune/space.h"

#include <algorithm>
#include <climits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/spelling.h"
#include "swiglu/validity.h"

namespace swiglu {
namespace {

constexpr Tile kLarge{128, 128, 64, 4, 2, 4, 16};
constexpr Tile kPlain{64, 32, 32, 1, 8, 1, 8};

Problem problem() { return {DType::bf16, Accum::f32, Layout::kn, Pass::forward, 4096, 12288, 16}; }

KernelConfig large() { return {problem(), Family::mma_sm80, kLarge}; }
KernelConfig plain() { return {problem(), Family::simt, kPlain}; }

std::string reason(const KernelConfig& config) {
  const char* text = why_invalid(config);
  return text == nullptr ? "" : text;
}

// Every problem the library takes, but for its dimensions.
std::vector<Problem> all_problems(int d_model, int d_intermediate) {
  struct Numbers {
    DType dtype;
    Accum accum;
  };
  std::vector<Problem> problems;
  for (const Numbers numbers : {Numbers{DType::bf16, Accum::f32}, Numbers{DType::f16, Accum::f32},
                                Numbers{DType::f16, Accum::f16}, Numbers{DType::f16, Accum::f16_promoted}}) {
    for (const Layout layout : {Layout::kn, Layout::nk}) {
      for (const Pass pass : {Pass::forward, Pass::forward_store}) {
        for (const int access_bytes : {16, 8, 4, 2}) {
          problems.push_back({numbers.dtype, numbers.accum, layout, pass, d_model, d_intermediate, access_bytes});
        }
      }
    }
  }
  return problems;
}

}  // namespace

TEST_CASE("a valid configuration has no reason to be invalid") {
  CHECK(reason(large()) == "");
  CHECK(reason(plain()) == "");
}

TEST_CASE("every rule about the problem names itself") {
  KernelConfig config = large();
  SUBCASE("d_model") { config.problem.d_model = 0; }
  SUBCASE("d_intermediate") { config.problem.d_intermediate = -1; }
  CHECK(reason(config) == "d_model and d_intermediate must be at least 1");
}

TEST_CASE("access_bytes is a power of two from 2 to 16") {
  for (const int access_bytes : {INT_MIN, -2, 0, 1, 3, 6, 12, 17, 32}) {
    CAPTURE(access_bytes);
    KernelConfig config = large();
    config.problem.access_bytes = access_bytes;
    CHECK(reason(config) == "access_bytes must be 16, 8, 4 or 2");
  }
}

TEST_CASE("bf16 has f32 sums only") {
  for (const Accum accum : {Accum::f16, Accum::f16_promoted}) {
    KernelConfig config = plain();
    config.problem.accum = accum;
    CHECK(reason(config) == "bf16 has no f16 accumulators");
  }
}

TEST_CASE("no extent of a tile may be zero, negative or absurd") {
  int Tile::*const extents[] = {&Tile::m,       &Tile::n,       &Tile::k,      &Tile::stages,
                                &Tile::warps_m, &Tile::warps_n, &Tile::group_m};
  for (const Family family : {Family::simt, Family::mma_sm80}) {
    for (int Tile::*const extent : extents) {
      for (const int value : {INT_MIN, -1, 0}) {
        KernelConfig config{problem(), family, family == Family::simt ? kPlain : kLarge};
        config.tile.*extent = value;
        CHECK(reason(config) == "every extent of a tile must be at least 1");
      }
      KernelConfig config{problem(), family, family == Family::simt ? kPlain : kLarge};
      config.tile.*extent = INT_MAX;
      CHECK(reason(config) == "an extent of the tile is out of all proportion");
    }
  }
}

TEST_CASE("every rule of the passes beside the forward ones names itself") {
  const auto with = [](Pass pass, Accum accum, Gradient gradient, Family family, Tile tile) {
    return reason({{DType::f16, accum, Layout::kn, pass, 4096, 12288, 16, gradient}, family, tile});
  };
  constexpr Tile kStreaming{1, 2048, 1, 1, 8, 1, 1};
  constexpr auto kElement = Gradient::element;
  CHECK(with(Pass::dx, Accum::f16, kElement, Family::mma_sm80, kLarge) == "f16 sums of dx are promoted");
  CHECK(with(Pass::dx, Accum::f32, kElement, Family::mma_sm80, kLarge) == "");
  CHECK(with(Pass::recompute, Accum::f16, kElement, Family::mma_sm80, kLarge) == "");
  for (const Pass pass : {Pass::dw, Pass::dw_single, Pass::dgate, Pass::dw_sum, Pass::pad, Pass::unpad}) {
    for (const Accum accum : {Accum::f16, Accum::f16_promoted}) {
      CHECK(with(pass, accum, kElement, Family::simt, kPlain) ==
            "sums over tokens, and what is computed element by element, are f32");
    }
  }
  for (const Pass pass : {Pass::forward, Pass::forward_store, Pass::recompute, Pass::dgate, Pass::dx, Pass::pad}) {
    CHECK(with(pass, Accum::f32, Gradient::f32, Family::simt, kPlain) ==
          "only gradients of the weights are stored in f32");
  }
  CHECK(with(Pass::dw, Accum::f32, Gradient::f32, Family::mma_sm80, kLarge) == "");
  CHECK(with(Pass::dw, Accum::f32, kElement, Family::mma_sm80, {96, 128, 64, 4, 2, 4, 16}) ==
        "m must be a power of two where the rows of A are contiguous");
  CHECK(with(Pass::dw, Accum::f32, kElement, Family::mma_sm80, {512, 32, 32, 2, 1, 1, 16}) ==
        "threads must divide evenly over the chunks of a row");
  CHECK(with(Pass::dgate, Accum::f32, kElement, Family::streaming, kStreaming) == "");
  CHECK(with(Pass::dw_sum, Accum::f32, Gradient::f32, Family::streaming, kStreaming) == "");
  CHECK(with(Pass::unpad, Accum::f32, kElement, Family::streaming, kStreaming) == "");
  for (const auto& [pass, family] : {std::pair{Pass::dgate, Family::mma_sm80}, {Pass::dx, Family::streaming}}) {
    CHECK(with(pass, Accum::f32, kElement, family, kStreaming) ==
          "family streaming serves the passes that multiply nothing, and no other does");
  }
  CHECK(with(Pass::dgate, Accum::f32, kElement, Family::streaming, {2, 2048, 1, 1, 8, 1, 1}) ==
        "a streaming tile has n elements, and 1 of everything else");
  CHECK(with(Pass::dgate, Accum::f32, kElement, Family::streaming, {1, 1024, 1, 1, 8, 1, 1}) ==
        "a thread of a streaming kernel takes 8 elements");
}

TEST_CASE("every rule of mma_sm80 names itself") {
  const auto with = [](Tile tile) { return reason({problem(), Family::mma_sm80, tile}); };
  CHECK(with({128, 128, 64, 4, 4, 8, 16}) == "a block has at most 512 threads");
  CHECK(with({120, 128, 64, 4, 2, 4, 16}) == "rows of a warp must be a multiple of 16");
  CHECK(with({128, 96, 64, 4, 2, 4, 16}) == "columns of a warp must be a multiple of 16");
  CHECK(with({64, 96, 64, 4, 2, 2, 16}) == "n must be 32, 64, 128 or 256");
  CHECK(with({64, 16, 64, 4, 2, 1, 16}) == "n must be 32, 64, 128 or 256");
  CHECK(with({128, 128, 16, 4, 2, 4, 16}) == "k must be 32, 64 or 128");
  CHECK(with({128, 128, 48, 4, 2, 4, 16}) == "k must be 32, 64 or 128");
  CHECK(with({128, 128, 256, 4, 2, 4, 16}) == "k must be 32, 64 or 128");
  CHECK(with({128, 128, 64, 1, 2, 4, 16}) == "the ring needs at least 2 stages");
  CHECK(with({48, 64, 128, 3, 3, 1, 16}) == "");
  CHECK(with({128, 128, 64, 4, 2, 2, 16}) == "sums and fragments would not fit the registers of a thread");
  CHECK(with({256, 128, 64, 2, 4, 4, 16}) == "sums and fragments would not fit the registers of a multiprocessor");
}

TEST_CASE("every rule of simt names itself") {
  const auto with = [](Tile tile) { return reason({problem(), Family::simt, tile}); };
  CHECK(with({64, 32, 32, 1, 4, 1, 8}) == "simt has 256 threads");
  CHECK(with({60, 32, 32, 1, 8, 1, 8}) == "simt tiles are multiples of 16 x 16");
  CHECK(with({64, 24, 32, 1, 8, 1, 8}) == "simt tiles are multiples of 16 x 16");
  CHECK(with({64, 32, 48, 1, 8, 1, 8}) == "the k of a simt tile divides 64");
  CHECK(with({64, 32, 32, 2, 8, 1, 8}) == "simt has one stage");
}

TEST_CASE("every rule of wgmma_sm90 names itself") {
  const auto with = [](Tile tile, Layout layout = Layout::nk, Pass pass = Pass::forward) {
    KernelConfig config{problem(), Family::wgmma_sm90, tile};
    config.problem.layout = layout;
    config.problem.pass = pass;
    return reason(config);
  };
  CHECK(with({128, 104, 64, 4, 4, 1, 16}) == "");
  CHECK(with({208, 64, 64, 4, 1, 4, 8}, Layout::kn) == "");
  CHECK(with({128, 128, 64, 4, 2, 2, 16}) == "a tile is one or two warpgroups' in a row");
  CHECK(with({192, 64, 64, 4, 12, 1, 16}) == "a tile is one or two warpgroups' in a row");
  CHECK(with({128, 96, 32, 4, 4, 1, 16}) == "k must be 64");
  CHECK(with({128, 96, 64, 1, 4, 1, 16}) == "the ring needs at least 2 stages");
  CHECK(with({96, 96, 64, 4, 4, 1, 16}) ==
        "rows of operand A must be 64, or x's a multiple of that, for each warpgroup");
  CHECK(with({128, 128, 64, 4, 1, 4, 16}) ==
        "rows of operand A must be 64, or x's a multiple of that, for each warpgroup");
  CHECK(with({128, 136, 64, 4, 8, 1, 16}) ==
        "columns of operand B must be a multiple of 8, for f16 sums of 16, up to 256");
  CHECK(with({204, 64, 64, 4, 1, 4, 16}) ==
        "columns of operand B must be a multiple of 8, for f16 sums of 16, up to 256");
  CHECK(with({200, 64, 64, 4, 1, 4, 16}) == "");
  CHECK(with({512, 24, 64, 2, 8, 1, 16}) == "a box of a tensor map has at most 256 rows");
  CHECK(with({128, 96, 64, 4, 4, 1, 16}, Layout::kn) ==
        "n must be a multiple of 64 where the columns of B are contiguous, but in cooperative forward tiles");
  CHECK(with({128, 112, 64, 4, 8, 1, 16}, Layout::kn) == "");
  CHECK(with({256, 96, 64, 3, 8, 1, 12}, Layout::kn) == "");
  CHECK(with({256, 88, 64, 3, 8, 1, 12}) == "");
  CHECK(with({256, 88, 64, 3, 8, 1, 12}, Layout::kn) == "of what is loaded of B at least three quarters must be used");
  CHECK(with({128, 128, 64, 4, 4, 1, 16}) == "sums would not fit the registers of a thread");
  CHECK(with({256, 112, 64, 3, 8, 1, 12}) == "");
  CHECK(with({256, 112, 64, 3, 8, 1, 12}, Layout::kn, Pass::forward_store) == "");
  CHECK(with({256, 120, 64, 3, 8, 1, 12}) == "sums would not fit the registers of a thread");
  CHECK(with({128, 112, 64, 3, 4, 1, 12}) == "sums would not fit the registers of a thread");
  CHECK(with({256, 112, 64, 3, 8, 1, 12}, Layout::nk, Pass::recompute) ==
        "sums would not fit the registers of a thread");
  CHECK(with({128, 192, 64, 3, 8, 1, 8}, Layout::nk, Pass::dw) == "");
  CHECK(with({128, 192, 64, 3, 8, 1, 8}, Layout::nk, Pass::dgate_dw) == "");
  CHECK(with({128, 192, 64, 3, 8, 1, 8}, Layout::nk, Pass::dx) ==
        "columns of operand B must be a multiple of 8, for f16 sums of 16, up to 256");
  CHECK(with({200, 128, 64, 3, 1, 8, 12}, Layout::nk, Pass::dgate_dx) == "");
  CHECK(with({208, 128, 64, 3, 1, 8, 16}, Layout::nk, Pass::dgate_dx) ==
        "sums would leave too few registers to compute dg and du beside them");
  CHECK(with({128, 128, 64, 5, 8, 1, 16}, Layout::nk, Pass::dgate_dx) ==
        "no shared memory is left for what dg and du are computed from");
  KernelConfig promoted{problem(), Family::wgmma_sm90, {144, 128, 64, 3, 1, 8, 12}};
  promoted.problem.dtype = DType::f16;
  promoted.problem.accum = Accum::f16_promoted;
  CHECK(accumulator_registers(promoted) == 216);  // as many f32 sums would do without a producer
  CHECK(reason(promoted) == "sums would not fit the registers of a thread");
  KernelConfig narrow{problem(), Family::wgmma_sm90, {128, 64, 64, 4, 4, 1, 16}};
  narrow.problem.access_bytes = 8;
  CHECK(reason(narrow) == "tensor maps need rows at multiples of 16 bytes");
}

TEST_CASE("wgmma_sm90: the passes of the backward pass") {
  const auto of = [](Pass pass, Layout layout, Tile tile) {
    return KernelConfig{{DType::bf16, Accum::f32, layout, pass, 4096, 14336, 16}, Family::wgmma_sm90, tile};
  };
  const Tile cooperative{128, 128, 64, 4, 8, 1, 16};
  const Tile swapped{192, 128, 64, 3, 1, 8, 8};
  const Tile ping_pong{128, 88, 64, 5, 4, 1, 16};
  // Weight gradients lie as the weights do: either tile has its sums upright in one of the layouts.
  CHECK(sums_lie_upright(of(Pass::dw, Layout::kn, cooperative)));
  CHECK_FALSE(sums_lie_upright(of(Pass::dw, Layout::nk, cooperative)));
  CHECK_FALSE(sums_lie_upright(of(Pass::dw, Layout::kn, swapped)));
  CHECK(sums_lie_upright(of(Pass::dw, Layout::nk, swapped)));
  CHECK(output_box(of(Pass::dw, Layout::nk, cooperative)).rows == 128);
  CHECK(output_box(of(Pass::dw, Layout::nk, cooperative)).columns == 64);
  CHECK(output_box(of(Pass::dw, Layout::nk, swapped)).columns == 32);  // of 96
  // Two columns of 64 for either operand of dw, and a barrier of each consumer's for gradients that are added to.
  CHECK(boxes(product(of(Pass::dw, Layout::nk, cooperative).problem).a, cooperative.m) == 2);
  CHECK(shared_bytes(of(Pass::dw, Layout::kn, cooperative)) ==
        4 * (128 + 256) * 128 + 2 * 64 * 128 * 2 + 4 * 16 + 2 * 8);
  CHECK(shared_bytes(of(Pass::dx, Layout::kn, cooperative)) ==
        4 * (128 + 256) * 128 + 2 * 64 * 128 * 2 + (2 * 4 + 2 * 2) * 8);
  CHECK(reason(of(Pass::dw, Layout::kn, ping_pong)) ==
        "n must be a multiple of 64 where the columns of B are contiguous, but in cooperative forward tiles");
  CHECK(reason(of(Pass::dx, Layout::kn, ping_pong)) == "");  // the weights' transposed: contiguous along k
  CHECK(reason(of(Pass::dw, Layout::kn, {176, 64, 64, 5, 1, 4, 8})) ==
        "m must be a multiple of 64 where the rows of A are contiguous");
  // What waits in registers for its turn to be stored.
  CHECK(reason(of(Pass::recompute, Layout::nk, ping_pong)) == "");
  CHECK(reason(of(Pass::recompute, Layout::nk, {128, 96, 64, 5, 4, 1, 16})) ==
        "sums would not fit the registers of a thread");
}

TEST_CASE("f16 sums free registers for tiles that f32 sums cannot have") {
  KernelConfig config{problem(), Family::mma_sm80, {192, 128, 64, 3, 4, 2, 8}};
  CHECK(reason(config) != "");
  config.problem.dtype = DType::f16;
  CHECK(reason(config) != "");
  config.problem.accum = Accum::f16;
  CHECK(reason(config) == "");
  config.problem.accum = Accum::f16_promoted;
  CHECK(reason(config) != "");
}

TEST_CASE("byte, register and block counts of known tiles") {
  CHECK(threads(large()) == 256);
  CHECK(shared_bytes(large()) == 4 * (128 + 2 * 128) * 64 * 2);
  CHECK(accumulator_registers(large()) == 128);
  CHECK(fragment_registers(large()) == 64);
  CHECK(min_blocks(large()) == 1);
  CHECK(threads(plain()) == 256);
  CHECK(shared_bytes(plain()) == (64 * 34 + 2 * 32 * 34) * 2);
  CHECK(accumulator_registers(plain()) == 16);
  CHECK(min_blocks(plain()) == 2);

  KernelConfig promoted = large();
  promoted.problem.dtype = DType::f16;
  promoted.problem.accum = Accum::f16;
  CHECK(accumulator_registers(promoted) == 64);
  promoted.problem.accum = Accum::f16_promoted;
  CHECK(accumulator_registers(promoted) == 192);
}

TEST_CASE("shared memory holds the larger of ring and output tile") {
  const KernelConfig flat{problem(), Family::mma_sm80, {256, 128, 32, 2, 4, 2, 8}};
  CHECK(stage_elements(flat) == (256 + 2 * 128) * 32);
  CHECK(staging_elements(flat) == 256 * (128 + 8));
  CHECK(shared_bytes(flat) == 256 * (128 + 8) * 2);
  KernelConfig deep = flat;
  deep.tile.stages = 3;
  CHECK(shared_bytes(deep) == 3 * (256 + 2 * 128) * 32 * 2);
}

TEST_CASE("the grid covers every row and column once") {
  CHECK(tiles(large(), 0) == 0);
  CHECK(tiles(large(), 1) == 96);
  CHECK(tiles(large(), 128) == 96);
  CHECK(tiles(large(), 129) == 192);
  KernelConfig config = large();
  config.problem.d_intermediate = 12289;
  CHECK(tiles(config, 1) == 97);
  config.problem.d_intermediate = INT_MAX;
  CHECK(tiles_n(config) == 1 << 24);
  CHECK(tiles(config, (1LL << 40) + 1) == ((1LL << 33) + 1) * (1LL << 24));  // no 32-bit overflow
}

TEST_CASE("the table has no row twice, and each row serves some problem on some architecture") {
  for (const Family family : {Family::simt, Family::mma_sm80, Family::wgmma_sm90}) {
    std::set<std::string> spellings;
    for (const Tile& tile : tile_table(family)) {
      CAPTURE(print(tile));
      CHECK(spellings.insert(print(tile)).second);
      auto problems = all_problems(4096, 14336);
      problems.push_back({DType::bf16, Accum::f32, Layout::nk, Pass::dw, 4096, 14336, 16});
      CHECK(std::any_of(problems.begin(), problems.end(), [&](const Problem& one) {
        return std::any_of(arch_table().begin(), arch_table().end(), [&](const Arch& arch) {
          return why_unfit({one, family, tile}, arch.representative).empty();
        });
      }));
    }
    CHECK_FALSE(spellings.empty());
  }
}

TEST_CASE("candidates: never empty, valid, unique, in shared memory, in canonical order, simt last") {
  for (const Arch& arch : arch_table()) {
    for (const auto& [d_model, d_intermediate] : {std::pair{1, 1}, {4096, 14336}, {INT_MAX, INT_MAX}}) {
      for (const Problem& one : all_problems(d_model, d_intermediate)) {
        CAPTURE(arch.name);
        CAPTURE(print(one));
        const std::vector<KernelConfig> all = candidates(one, arch, arch.representative);
        REQUIRE_FALSE(all.empty());
        CHECK(all.back().family == Family::simt);
        CHECK(std::is_sorted(all.begin(), all.end(), [&](const KernelConfig& a, const KernelConfig& b) {
          return std::find(arch.families.begin(), arch.families.end(), a.family) <
                 std::find(arch.families.begin(), arch.families.end(), b.family);
        }));
        std::set<std::string> spellings;
        for (const KernelConfig& config : all) {
          CHECK(reason(config) == "");
          CHECK(config.problem == one);
          CHECK(shared_bytes(config) <= arch.representative.shared_bytes_per_block);
          CHECK(spellings.insert(print(config)).second);
        }
      }
    }
  }
}

TEST_CASE("every architecture with tensor cores has a tile for each size of m and every accumulator") {
  for (const Arch& arch : arch_table()) {
    if (arch.families.size() < 2) {
      continue;
    }
    for (const Problem& one : all_problems(4096, 14336)) {
      CAPTURE(arch.name);
      CAPTURE(print(one));
      const std::vector<KernelConfig> all = candidates(one, arch, arch.representative);
      for (const int m : {16, 32, 64}) {
        CHECK(std::any_of(all.begin(), all.end(), [&](const KernelConfig& config) {
          return config.family == Family::mma_sm80 && config.tile.m == m;
        }));
      }
      CHECK(std::any_of(all.begin(), all.end(), [](const KernelConfig& config) {
        return config.family == Family::mma_sm80 && config.tile.m * config.tile.n >= 96 * 128;
      }));
    }
  }
}

TEST_CASE("why_unfit: the rule first, then the device") {
  DeviceSpec small = arch_table().front().representative;
  small.name = "small card";
  small.shared_bytes_per_block = shared_bytes(large()) - 1;
  CHECK(why_unfit(large(), small) == "needs 196608 bytes of shared memory, small card has 196607");
  small.shared_bytes_per_block += 1;
  CHECK(why_unfit(large(), small) == "");
  KernelConfig broken = large();
  broken.tile.k = 48;
  CHECK(why_unfit(broken, small) == "k must be 32, 64 or 128");
}

TEST_CASE("why_invalid: the largest tiles leave no registers for narrow copies in a backward product") {
  KernelConfig config{{DType::f16, Accum::f16_promoted, Layout::nk, Pass::dx, 1001, 999, 2},
                      Family::mma_sm80,
                      {96, 128, 64, 4, 2, 4, 16}};
  CHECK(std::string(why_invalid(config)) == "sums and fragments leave too few registers for copies of 2 bytes");
  config.problem.access_bytes = 4;
  CHECK(why_invalid(config) == nullptr);
  config.problem.access_bytes = 2;
  config.problem.pass = Pass::forward;
  CHECK(why_invalid(config) == nullptr);
}

TEST_CASE("candidates of an invalid problem are refused with its reason") {
  Problem broken = problem();
  broken.accum = Accum::f16;
  const Arch& arch = arch_table().front();
  try {
    candidates(broken, arch, arch.representative);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.status() == SWIGLU_INVALID_ARGUMENT);
    CHECK(std::string(error.what()).find("bf16 has no f16 accumulators") != std::string::npos);
  }
}

}  // namespace swiglu
