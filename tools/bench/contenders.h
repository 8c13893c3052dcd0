// Who is timed in which pass, and who is compared with whom. Tables alone, and functions of them; no GPU.
#pragma once

#include <array>
#include <span>
#include <string>

namespace swiglu::tool {

// What a bench times: `--pass`.
enum class BenchPass { forward, backward, forward_backward };
inline constexpr std::array<BenchPass, 3> kBenchPasses{BenchPass::forward, BenchPass::backward,
                                                       BenchPass::forward_backward};
const char* name(BenchPass pass);  // "forward", "backward", "forward+backward"
BenchPass bench_pass(const std::string& name);

// T and Tb are cuBLASLt's GEMM by its heuristic's first algorithm, and by the fastest of those that it lists.
enum class Contender {
  // The forward pass.
  swiglu,
  first,    // T
  best,     // Tb
  unfused,  // T and then an activation kernel: the same result as swiglu's
  // swiglu_execute_backward.
  backward,            // from stored g and u: dx, dWg and dWu
  backward_dx,         // the same without dWg and dWu
  backward_dw,         // the same without dx
  backward_recompute,  // dx, dWg and dWu from x alone
  // Kernels of these, by themselves.
  dgate,
  dx,
  dw,  // with the sum of its parts, where the tokens were split
  recompute,
  // Baselines of the backward pass.
  dx_first,
  dx_best,
  dw_first,
  dw_best,
  elementwise,     // dg and du from dout, g and u
  copy,            // moves as many bytes as dgate and elementwise, and does nothing else
  backward_first,  // elementwise, dx_first, dw_first: the same results as backward's
  backward_best,
  // Both passes, one after the other.
  both_stored,      // the forward pass storing g and u, then backward
  both_recomputed,  // the forward pass storing nothing, then backward_recompute
  both_first,       // unfused, then backward_first
  both_best,
};
inline constexpr std::size_t kContenderCount = static_cast<std::size_t>(Contender::both_best) + 1;

const char* name(Contender contender);   // in JSON: "swiglu", "cublaslt_first", ...
const char* label(Contender contender);  // in a table: "T", "Tb", "T+act"

// How many products of [m, d_model] and [d_model, d_intermediate] it is for. Products that recomputing adds to a pass
// are not counted: they are no one's wish. 0 of what does not multiply.
double products(Contender contender);

// How many matrices [m, d_intermediate] it moves, where that is what it is measured by; else 0.
double matrices(Contender contender);

// Of T and Tb of the same products, T; else the contender itself. Tb was picked in a short trial: where T turned out
// faster in the measurement, T is the fastest.
Contender first_of(Contender contender);

// Whose time decides how often a contender is executed in a replay: the same for all that are compared with each other.
Contender pace_of(Contender contender);

struct Comparison {
  Contender ours;
  Contender baseline;

  bool operator==(const Comparison&) const = default;
};
std::string name(const Comparison& comparison);  // in JSON: "kernel_dx_over_cublaslt_dx_best"; of swiglu the baseline's
std::string label(const Comparison& comparison);  // "swiglu/T"

// In the order of the report.
std::span<const Contender> contenders_of(BenchPass pass);
std::span<const Comparison> comparisons_of(BenchPass pass);

// The GEMMs whose fastest algorithm a pass needs, as Tb.
std::span<const Contender> gemms_of(BenchPass pass);

}  // namespace swiglu::tool
