// Kernel arguments exactly as passed to a launch. Shared by host and device; no includes.
#pragma once

namespace swiglu {

// Pointers are of the plan's device. Leading dimensions are in elements. g and u are null unless the pass stores them.
struct ForwardParams {
  const void* x;       // [m, d_model]
  const void* w_gate;  // kn: [d_model, d_intermediate]; nk: [d_intermediate, d_model]
  const void* w_up;
  void* out;  // [m, d_intermediate]
  void* g;
  void* u;
  long long m;
  long long ld_x;
  long long ld_w_gate;
  long long ld_w_up;
  long long ld_out;
  long long ld_g;
  long long ld_u;
};

// Of every kernel of the backward pass; each reads what its pass names. Leading dimensions are in elements.
struct BackwardParams {
  const void* dout;    // [m, d_intermediate]
  const void* x;       // [m, d_model]
  const void* w_gate;  // kn: [d_model, d_intermediate]; nk: [d_intermediate, d_model]
  const void* w_up;
  const void* g;  // [m, d_intermediate]
  const void* u;
  void* dg;  // [m, d_intermediate], both of pitch ld_dg, which for dgate_dx and dgate_dw is gradient_pitch()
  void* du;
  void* dx;       // [m, d_model]
  void* dw_gate;  // as the weights lie. dw_single: the one wanted, and dg is what it is computed from
  void* dw_up;    // null where it is not wanted
  long long m;
  long long ld_dout;
  long long ld_x;
  long long ld_w_gate;
  long long ld_w_up;
  long long ld_g;
  long long ld_u;
  long long ld_dg;
  long long ld_dx;
  long long ld_dw_gate;
  long long ld_dw_up;
  // dw and dw_single compute splits > 1 parts, each over split_tokens tokens (the last over what is left), into
  // `partials` [split][half][weight row][ld_partials] in f32, which dw_sum adds up. 0 splits, for dw_sum: there are no
  // tokens.
  float* partials;
  long long ld_partials;  // a multiple of 4; partials are aligned to 16 bytes
  int split_tokens;       // a multiple of kSplitTokens
  int splits;
  // dgate_dx, dgate_dw: a number of 8 bytes, and one of 4 for each section of each group of tokens
  // (swiglu/gradients_ahead.cuh), which the kernel's launch clears first (kernels/kernels.h).
  void* progress;
  int accumulate;  // 1: dw_gate and dw_up are added to, 0: written. By dw_sum, where there are parts
};

// Of pad, which copies x, w_gate and w_up, and unpad, which copies out, g and u. Leading dimensions are in elements;
// the padded ones are multiples of 8, at addresses that are multiples of 16.
struct CopyParams {
  struct Matrix {
    const void* from;
    void* to;
    long long rows;  // 0: not copied
    long long ld_from;
    long long ld_to;
  };
  Matrix matrices[3];
};

// Of a matrix, for the tensor memory accelerator. Made by the host (cuda/tensor_map.h), opaque to kernels, read by
// address from the kernel's own parameters.
struct alignas(64) TensorMap {
  unsigned long long opaque[16];
};

// dgate_dx, dgate_dw: what dg and du are computed from and where they go, and how far that is.
struct GradientParams {
  TensorMap from[3];  // dout, g, u: [m, d_intermediate], as dg and du
  void* dg;           // rows of gradient_pitch() elements, both
  void* du;
  unsigned long long* drawn;
  unsigned* done;
};

// Of every kernel that loads and stores by tensor maps, whose boxes are those of swiglu/shared_layout.h. What a pass
// has no use for is not read.
struct TmaParams {
  TensorMap a[2];    // operand A (swiglu/problem.h) of each segment
  TensorMap b[2];    // operand B of each half; where both are columns of one matrix, of each segment
  TensorMap dout;    // recompute
  TensorMap out[3];  // forward: out, g, u; recompute: dg, du; dx, dgate_dx: dx; dw: dWg, dWu; dw_single: the one
  long long m;
  // dw and dw_single. Gradients in f32, or parts of them (BackwardParams), go to floats[half] + split * floats_split
  // in elements, rows of ld_floats; null: to the maps, as 16-bit elements.
  float* floats[2];
  long long ld_floats[2];
  long long floats_split;
  int split_tokens;
  int splits;      // 1 for every other pass
  int accumulate;  // only where splits is 1
  GradientParams gradients;
  unsigned walkers;  // there: blocks of the launch that walk tiles, the first ones; those after them have none
};

// Of the kernels that make and judge the tuner's data (swiglu/trial.cuh).
enum class ElementType : int { bf16, f16, f32 };

struct FillParams {
  void* to;
  long long elements;
  unsigned long long seed;
  float deviation;
  ElementType type;  // 16 bits
};

struct BlockErrorParams {
  const void* expected;  // [rows, columns], as actual; leading dimensions in elements
  const void* actual;
  float* sums;  // of every block of 64 x 64, in row-major order: the squared differences, then the expected squares
  long long rows;
  long long columns;
  long long ld_expected;
  long long ld_actual;
  ElementType type;
};

}  // namespace swiglu
