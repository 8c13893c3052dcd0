// The dtype, accumulator and layout that a source of this folder is compiled for; see ../CMakeLists.txt.
#pragma once

#include "swiglu/config.h"

#define SWIGLU_TEST_TEXT_OF(name) #name
#define SWIGLU_TEST_TEXT(name) SWIGLU_TEST_TEXT_OF(name)
#define SWIGLU_TEST_COMBINATION \
  SWIGLU_TEST_TEXT(SWIGLU_TEST_DTYPE) " " SWIGLU_TEST_TEXT(SWIGLU_TEST_ACCUM) " " SWIGLU_TEST_TEXT(SWIGLU_TEST_LAYOUT)

namespace swiglu::emulator {
namespace {

constexpr Problem problem(Pass pass, int d_model, int d_intermediate, int access_bytes) {
  return {DType::SWIGLU_TEST_DTYPE,
          Accum::SWIGLU_TEST_ACCUM,
          Layout::SWIGLU_TEST_LAYOUT,
          pass,
          d_model,
          d_intermediate,
          access_bytes};
}

// wgmma instructions that a tile takes for 16 of k.
[[maybe_unused]] constexpr int instructions_of_a_step(const KernelConfig& config) {
  const Tile& tile = config.tile;
  return is_swapped(tile) ? 2 * tile.n / kWgmmaRows : (has_halves_apart(config) ? 2 : 1) * tile.m / kWgmmaRows;
}

}  // namespace
}  // namespace swiglu::emulator
