// wgmma: products of matrices in shared memory, summed in a warpgroup's registers, asynchronously.
#pragma once

#include <cstdint>

#include "operations/operations.h"

namespace swiglu::emulator {

struct WgmmaForm {
  MmaType type;
  int n;
  bool a_rows_contiguous;  // m in a, n in b; otherwise k is
  bool b_rows_contiguous;

  bool operator==(const WgmmaForm&) const = default;
};

// d: the thread's n / 2 floats, or n / 4 registers of two f16.
void wgmma(const WgmmaForm& form, void* d, std::uint64_t a, std::uint64_t b, bool add, const Location& where);
void wgmma_fence(const Location& where);
void wgmma_commit(const Location& where);
void wgmma_wait(int pending, const Location& where);

}  // namespace swiglu::emulator
