// What a kernel is generated for, and what it multiplies: the words that everything else is said in.
//
// Shared by the host and by every kernel template, as swiglu/config.h. No includes; everything is constexpr.
#pragma once

#if defined(__CUDACC__)
#define SWIGLU_HD __host__ __device__
#else
#define SWIGLU_HD
#endif

namespace swiglu {

enum class DType : int { bf16, f16 };
enum class Accum : int { f32, f16, f16_promoted };  // f16_promoted: f16 within kPromotionK products, then added to f32
enum class Layout : int { kn, nk };                 // weights [d_model, d_intermediate] or [d_intermediate, d_model]
enum class Family : int { simt, mma_sm80, wgmma_sm90, streaming };
enum class Gradient : int { element, f32 };  // what dWg and dWu are stored as: the problem's dtype, or f32

// What a kernel computes. The names of matrices are those of swiglu/params.h.
enum class Pass : int {
  forward,        // out
  forward_store,  // out, and the pre-activations g and u
  recompute,      // g and u again, and from them and dout dg and du
  dgate,          // dg and du from dout and stored g and u, element by element
  dx,             // dx = dg Wg' + du Wu'
  dgate_dx,       // both, dg and du just ahead of the product
  dw,             // dWg = x' dg and dWu = x' du, or their parts over some of the tokens
  dw_single,      // one of the two
  dgate_dw,       // dg and du just ahead of the products of dw
  dw_sum,         // the sums of those parts, element by element
  pad,            // copies of x and the weights in rows of 16-byte multiples
  unpad,          // out, and g and u, from such rows to the caller's
};
inline constexpr int kPasses = 12;

inline constexpr int kElementBytes = 2;  // bf16 and f16
inline constexpr int kPromotionK = 64;   // products summed in f16 before Accum::f16_promoted adds them to f32

// What a kernel is generated for. m stays a launch argument.
struct Problem {
  DType dtype;
  Accum accum;
  Layout layout;
  Pass pass;
  int d_model;
  int d_intermediate;
  int access_bytes;  // every row of the caller's matrices that the pass touches starts at a multiple of this: 16, 8, 4
                     // or 2
  Gradient gradient = Gradient::element;  // of dw, dw_single and dw_sum; element for the other passes

  bool operator==(const Problem&) const = default;
};

// What a pass multiplies. Every pass but dgate, dw_sum, pad and unpad is one product of the same form, so that one main
// loop and one description of its operands serve all:
//
//   sums[half][row][column] = sum over segments, then over k, of A[segment][row][k] * B[segment][half][k][column]
//
//                     rows     columns         k               A         B                halves     segments
//   forward, store,   tokens   d_intermediate  d_model         x         Wg | Wu          matrices   1
//     recompute
//   dx, dgate_dx      tokens   d_model         d_intermediate  dg, du    Wg', Wu'         columns    2
//   dw, dgate_dw      d_model  d_intermediate  tokens          x'        dg | du          matrices   1
//   dw_single         d_model  d_intermediate  tokens          x'        dg (or du)       columns    1
//
// Both halves have the same A. They are either of two matrices, at the same columns, or of one matrix, neighbouring
// columns: then a tile covers 2 n columns. Primes are a matter of majorness: nothing is transposed in memory.

enum class Extent : int { tokens, d_model, d_intermediate };
enum class Major : int { k, mn };  // which index of an operand is contiguous in memory: k, or its row or column
enum class Halves : int { matrices, columns };

struct Product {
  Extent rows;
  Extent columns;
  Extent depth;  // of one segment
  Major a;
  Major b;
  Halves halves;
  int segments;
  bool transposed;  // the result lies in memory as [column][row]: dWg and dWu in layout nk
};

SWIGLU_HD constexpr bool is_copy(Pass pass) { return pass == Pass::pad || pass == Pass::unpad; }
SWIGLU_HD constexpr bool is_product(Pass pass) { return pass != Pass::dgate && pass != Pass::dw_sum && !is_copy(pass); }
SWIGLU_HD constexpr bool is_forward(Pass pass) { return pass == Pass::forward || pass == Pass::forward_store; }
SWIGLU_HD constexpr bool is_dx(Pass pass) { return pass == Pass::dx || pass == Pass::dgate_dx; }
SWIGLU_HD constexpr bool is_dw_of_both(Pass pass) { return pass == Pass::dw || pass == Pass::dgate_dw; }
SWIGLU_HD constexpr bool is_dw(Pass pass) { return is_dw_of_both(pass) || pass == Pass::dw_single; }
// dg and du are computed just ahead of the product that multiplies them.
SWIGLU_HD constexpr bool has_gradients_ahead(Pass pass) { return pass == Pass::dgate_dx || pass == Pass::dgate_dw; }

// Whether rows are computed from the last to the first. What one kernel has written last may still be in the L2 cache
// when the next begins: so the forward pass ends with the tokens that dgate, or what computes dg and du beside a
// product, begins with, and dx begins with those that they end with.
SWIGLU_HD constexpr bool begins_with_last_rows(Pass pass) { return pass == Pass::forward_store || pass == Pass::dx; }

SWIGLU_HD constexpr Product product(const Problem& problem) {
  const bool kn = problem.layout == Layout::kn;
  switch (problem.pass) {
    case Pass::dx:
    case Pass::dgate_dx:
      return {Extent::tokens,
              Extent::d_model,
              Extent::d_intermediate,
              Major::k,
              kn ? Major::k : Major::mn,
              Halves::columns,
              2,
              false};
    case Pass::dw:
    case Pass::dw_single:
    case Pass::dgate_dw:
      return {Extent::d_model,
              Extent::d_intermediate,
              Extent::tokens,
              Major::mn,
              Major::mn,
              is_dw_of_both(problem.pass) ? Halves::matrices : Halves::columns,
              1,
              !kn};
    default:
      return {Extent::tokens,
              Extent::d_intermediate,
              Extent::d_model,
              Major::k,
              kn ? Major::mn : Major::k,
              Halves::matrices,
              1,
              false};
  }
}

SWIGLU_HD constexpr long long extent(const Problem& problem, Extent which, long long m) {
  return which == Extent::tokens ? m : which == Extent::d_model ? problem.d_model : problem.d_intermediate;
}

// The columns of a product never depend on m.
SWIGLU_HD constexpr int product_columns(const Problem& problem) {
  return static_cast<int>(extent(problem, product(problem).columns, 0));
}

SWIGLU_HD constexpr int gradient_bytes(const Problem& problem) { return problem.gradient == Gradient::f32 ? 4 : 2; }

// dWg and dWu as they lie in memory, and so do their parts.
SWIGLU_HD constexpr int weight_rows(const Problem& problem) {
  return problem.layout == Layout::kn ? problem.d_model : problem.d_intermediate;
}
SWIGLU_HD constexpr int weight_columns(const Problem& problem) {
  return problem.layout == Layout::kn ? problem.d_intermediate : problem.d_model;
}

}  // namespace swiglu
