// mma.sync m16n8k16 (sm_80+): d += a * b on a warp's tensor cores. a is 16x16, b is 16x8, d is 16x8.
//
// With l the lane, q = l / 4 and p = 2 * (l % 4); a register holds two neighbours, the lower index in the low half:
//   a[0] (q, p..p+1)   a[1] (q + 8, p..p+1)   a[2] (q, p + 8..p + 9)   a[3] (q + 8, p + 8..p + 9)    (m, k)
//   b[0] (p..p+1, q)   b[1] (p + 8..p + 9, q)                                                        (k, n)
//   d    (q, p) (q, p + 1) (q + 8, p) (q + 8, p + 1)                                                 (m, n)
#pragma once

namespace swiglu::ptx {

__device__ __forceinline__ void mma_m16n8k16_bf16_f32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ void mma_m16n8k16_f16_f32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Accumulators in f16: d[0] holds row q, d[1] row q + 8, each two columns.
__device__ __forceinline__ void mma_m16n8k16_f16_f16(unsigned (&d)[2], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {%0, %1}, {%2, %3, %4, %5}, {%6, %7}, {%0, %1};"
               : "+r"(d[0]), "+r"(d[1])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace swiglu::ptx
