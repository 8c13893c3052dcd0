// The forward pass by way of padded rows: matrices whose rows do not start at multiples of 16 bytes have copies in the
// caller's workspace that do, and the product is computed between those. Pure: reads and writes no memory of the
// caller's, allocates nothing unless it throws.
//
//   pad      x, w_gate, w_up -> their copies            where one of them needs it
//   product  of rows at multiples of 16 bytes           always
//   unpad    the copies of out, g, u -> the caller's    where one of them needs it
//
// A matrix that needs no copy is used in place. Weights are copied every time: nothing says that they are what they
// were.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plan/description.h"
#include "swiglu/params.h"

namespace swiglu {

struct Copies {
  CopyParams params{};
  bool any = false;
};

struct PaddedForward {
  Copies inputs;
  ForwardParams product;
  Copies outputs;
  std::size_t bytes = 0;  // of the workspace
  // Whether those of matrices used in place are aligned to 16 bytes, and the others as the copies' problems ask.
  bool pointers_suit = true;

  // `pass`: forward or forward_store. Of `params` pointers and m count. The workspace is aligned to 16 bytes. Throws
  // Error{INVALID_ARGUMENT} where the bytes overflow.
  PaddedForward(const PlanSpec&, Pass pass, const ForwardParams& params, void* workspace);
};

// For sizes alone.
PaddedForward padded_forward(const PlanSpec&, Pass, std::int64_t m);

}  // namespace swiglu
