// What follows from configurations of wgmma_sm90 (swiglu/config.h): threads, registers, shared memory, staging, blocks.
#include <doctest/doctest.h>

#include "base/arch.h"
#include "swiglu/config.h"

namespace swiglu {

TEST_CASE("wgmma_sm90: blocks that walk tiles, and those of a launch") {
  constexpr Tile kWide{128, 192, 64, 3, 8, 1, 8};
  const auto config = [&](Pass pass) {
    return KernelConfig{{DType::bf16, Accum::f32, Layout::nk, pass, 2048, 6144, 16}, Family::wgmma_sm90, kWide};
  };
  const KernelConfig plain = config(Pass::dw);
  const KernelConfig beside = config(Pass::dgate_dw);
  CHECK(walking_blocks(plain, 512, 132) == 132);
  CHECK(resident_blocks(plain, 512, 132) == 132);
  CHECK(resident_blocks(plain, 128, 132) == 128);
  CHECK(walking_blocks(beside, 512, 132) == 128);  // four tiles each
  CHECK(walking_blocks(beside, 7, 132) == 7);
  CHECK(resident_blocks(beside, 512, 132) == 132);
  CHECK(resident_blocks(beside, 7, 132) == 132);
  CHECK(warps_without_tiles(beside) == 12);  // of 12, by two slots of 3 KB and a barrier each
  KernelConfig small = beside;
  small.problem.pass = Pass::dgate_dx;
  small.tile = {64, 24, 64, 4, 4, 1, 8};
  CHECK(warps_without_tiles(small) * ahead_slots(small) * (kAheadSlotBytes + kBarrierBytes) <= shared_bytes(small));
  CHECK(warps_without_tiles(small) < 12);
}

TEST_CASE("wgmma_sm90: clusters of what has no producer") {
  constexpr int kIntermediate = 14336;  // 128 tiles in a row
  KernelConfig large{{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, kIntermediate, 16},
                     Family::wgmma_sm90,
                     {256, 112, 64, 3, 8, 1, 12}};
  CHECK(a_box(large).rows == 128);
  CHECK(cluster_blocks(large, 1) == 2);
  CHECK(cluster_blocks(large, 256) == 2);
  CHECK(cluster_blocks(large, 257) == 1);  // two rows of tiles, neighbours in a column
  CHECK(resident_blocks(large, 128, 132, 2) == 128);
  CHECK(resident_blocks(large, 128, 113, 2) == 112);  // a multiprocessor is left alone
  large.problem.d_intermediate = kIntermediate - 112;
  CHECK(cluster_blocks(large, 256) == 1);  // one of a cluster would have no last tile
  large.tile = {256, 96, 64, 3, 8, 1, 12};
  CHECK(a_box(large).rows == 256);
  CHECK(cluster_blocks(large, 256) == 1);
}

TEST_CASE("wgmma_sm90: rows are kept in the cache where both operands of all blocks are more than it holds") {
  KernelConfig deep{{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, 12288, 16},
                    Family::wgmma_sm90,
                    {200, 128, 64, 3, 1, 8, 12}};
  CHECK(keeps_rows_in_cache(deep));  // 12 (200 + 256) rows of 8 KB: 44.8 MB
  deep.problem.pass = Pass::forward_store;
  CHECK(keeps_rows_in_cache(deep));
  deep.problem.pass = Pass::recompute;  // where it was not faster
  CHECK(!keeps_rows_in_cache(deep));
  deep.problem.pass = Pass::forward;
  deep.problem.d_model = 2048;
  CHECK(!keeps_rows_in_cache(deep));
  deep.problem.d_model = 3072;
  CHECK(keeps_rows_in_cache(deep));
  deep.tile = {200, 64, 64, 4, 1, 4, 12};
  CHECK(!keeps_rows_in_cache(deep));  // 24.2 MB
}

TEST_CASE("wgmma_sm90: byte, register and box counts of known tiles") {
  const KernelConfig ping_pong{{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, 14336, 16},
                               Family::wgmma_sm90,
                               {128, 104, 64, 4, 4, 1, 16}};
  CHECK(threads(ping_pong) == 384);
  CHECK(accumulator_registers(ping_pong) == 208);
  CHECK(staging_slots(ping_pong) == 2);  // of out's two rounds, and of what is stored besides one
  CHECK(shared_bytes(ping_pong) == 4 * (128 + 208) * 128 + 2 * 2 * 64 * 104 * 2 + 4 * 16);
  KernelConfig storing = ping_pong;
  storing.problem.pass = Pass::forward_store;
  CHECK(staging_slots(storing) == 1);
  CHECK(output_box(ping_pong).columns == 104);
  CHECK(output_box(ping_pong).swizzle_bytes == 0);
  KernelConfig cooperative = ping_pong;
  cooperative.tile = {128, 128, 64, 4, 8, 1, 16};
  CHECK(threads(cooperative) == 384);
  CHECK(accumulator_registers(cooperative) == 128);
  CHECK(shared_bytes(cooperative) == 4 * (128 + 256) * 128 + 2 * 64 * 128 * 2 + (2 * 4 + 2 * 2) * 8);
  CHECK(output_box(cooperative).columns == 64);
  CHECK(output_box(cooperative).swizzle_bytes == 128);
  KernelConfig alone = ping_pong;  // without a producer, as its sums take what that would
  alone.tile = {256, 112, 64, 3, 8, 1, 12};
  CHECK(threads(alone) == 256);
  CHECK(accumulator_registers(alone) == 224);
  CHECK(shared_bytes(alone) == 3 * (256 + 224) * 128 + 2 * 64 * 112 * 2 + 2 * 3 * 8);
  alone.problem.layout = Layout::kn;  // halves of two atoms
  CHECK(shared_bytes(alone) == 3 * (256 + 256) * 128 + 2 * 64 * 112 * 2 + 2 * 3 * 8);
  KernelConfig swapped = ping_pong;
  swapped.tile = {208, 64, 64, 4, 1, 4, 8};
  CHECK(accumulator_registers(swapped) == 208);
  CHECK(output_box(swapped).rows == 104);
  CHECK(b_box(swapped).rows == 64);
  swapped.tile = {200, 128, 64, 3, 1, 8, 12};  // staged 40 columns of sums at a time, all five in slots of their own
  CHECK(output_box(swapped).rows == 40);
  CHECK(staging_slots(swapped) == 5);
  CHECK(shared_bytes(swapped) == 3 * (200 + 256) * 128 + 2 * 5 * 64 * 40 * 2 + (2 * 3 + 2 * 2 * 5) * 8);
  swapped.problem.pass = Pass::dx;
  CHECK(staging_slots(swapped) == 5);  // of ten
  swapped.problem.pass = Pass::forward_store;
  CHECK(staging_slots(swapped) == 5);  // of fifteen
  swapped.problem.pass = Pass::recompute;
  CHECK(staging_slots(swapped) == 5);
  CHECK(fetch_slots(swapped) == 4);  // dout comes into them, and du into the fifth
  CHECK(staging_slots(cooperative) == 1);
  CHECK(has_store_warps(cooperative));  // a barrier for what is staged and one for what is sent of each slot
  CHECK(slot_barriers(cooperative) == 2);
  CHECK_FALSE(has_store_warps(ping_pong));
  CHECK_FALSE(has_store_warps(alone));    // nobody is beside its consumers
  CHECK_FALSE(has_store_warps(swapped));  // its slots are fetched into, too
  CHECK(slot_barriers(swapped) == 4);
  CHECK(find_arch("sm_90a")->representative.shared_bytes_per_block == kWgmmaSharedBytes);
}

TEST_CASE(
    "wgmma_sm90: stages are loaded in pairs where one row of tiles reads the weights, and tokens are not too few") {
  KernelConfig config{{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, 14336, 16},
                      Family::wgmma_sm90,
                      {64, 112, 64, 5, 4, 1, 16}};
  CHECK(loads_in_pairs(config, 64));
  CHECK(loads_in_pairs(config, 32));
  CHECK_FALSE(loads_in_pairs(config, 31));
  CHECK_FALSE(loads_in_pairs(config, 65));
  config.problem.pass = Pass::dx;
  CHECK(loads_in_pairs(config, 64));
  config.problem.pass = Pass::dw;
  CHECK_FALSE(loads_in_pairs(config, 64));
  config.problem.pass = Pass::forward;
  config.tile.stages = 2;
  CHECK_FALSE(loads_in_pairs(config, 64));
  config.tile = {128, 112, 64, 4, 8, 1, 16};
  CHECK(loads_in_pairs(config, 128));
  config.problem.dtype = DType::f16;
  config.problem.accum = Accum::f16_promoted;
  CHECK_FALSE(loads_in_pairs(config, 128));
  config.problem.accum = Accum::f16;
  CHECK(loads_in_pairs(config, 128));
  config.tile.m = 192;
  CHECK_FALSE(loads_in_pairs(config, 128));
  config.problem.accum = Accum::f16_promoted;
  config.tile = {64, 112, 64, 5, 4, 1, 16};
  CHECK(loads_in_pairs(config, 64));
}

}  // namespace swiglu
