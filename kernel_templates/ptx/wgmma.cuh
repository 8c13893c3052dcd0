// wgmma (sm_90a): a warpgroup's d += a * b on the tensor cores, asynchronously. a is 64x16 and b 16xN, both in shared
// memory under descriptors (swiglu/shared_operand.cuh); d is 64xN in registers.
//
// With w the warp of its warpgroup and l the lane, register i of an f32 accumulator holds row 16 w + l / 4 + 8 (i / 2 %
// 2), column 8 (i / 4) + 2 (l % 4) + i % 2. An f16 accumulator holds two neighbouring columns in a register, the lower
// in the low half: register i is row 16 w + l / 4 + 8 (i % 2), columns 8 (i / 2) + 2 (l % 4) and + 1.
//
// All four warps execute all of these. Between wgmma_fence() and the wgmma_wait() that covers a group its accumulators
// must not be touched; keep() is where they change hands for the compiler.
#pragma once

#include "ptx/operand_lists.cuh"
#include "swiglu/config.h"

namespace swiglu::ptx {

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until at most kPending of the groups committed are unfinished. What finished groups read may be overwritten
// then.
template <int kPending>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// No instruction; but nothing the compiler knows of the register holds across it.
__device__ __forceinline__ void keep(float& value) { asm volatile("" : "+f"(value)::"memory"); }
__device__ __forceinline__ void keep(unsigned& value) { asm volatile("" : "+r"(value)::"memory"); }

// multiply<kTransA, kTransB>(d, a, b, add): d = a * b, or d += a * b if `add`. kTransA: a lies in shared memory with m
// contiguous, not k; kTransB: b with n. f32 accumulators are float[N / 2], f16 ones unsigned[N / 4]; Register is
// either.
template <DType kDType, bool kAccumulateF16, int kN>
struct Wgmma;

// NOLINTBEGIN(cppcoreguidelines-macro-usage): an asm statement has a fixed list of operands, so each N has its own.
// Of one N, type and accumulator: its registers' count and constraint, and the numbers of the operands after them.
#define SWIGLU_WGMMA(dtype, f16, n, type, constraint, types, count, a, b, add, trans_a, trans_b)                    \
  template <>                                                                                                       \
  struct Wgmma<DType::dtype, f16, n> {                                                                              \
    using Register = type;                                                                                          \
    template <bool kTransA, bool kTransB>                                                                           \
    __device__ static __forceinline__ void multiply(type (&d)[count], unsigned long long a_operand,                 \
                                                    unsigned long long b_operand, bool add_to) {                    \
      asm volatile("{ .reg .pred add_to; setp.ne.b32 add_to, %" #add                                                \
                   ", 0;"                                                                                           \
                   " wgmma.mma_async.sync.aligned.m64n" #n "k16." types " {" SWIGLU_LIST_##count                    \
                   "}, %" #a ", %" #b ", add_to, 1, 1, %" #trans_a ", %" #trans_b "; }"                             \
                   : SWIGLU_OPERANDS_##count(constraint)                                                            \
                   : "l"(a_operand), "l"(b_operand), "r"(static_cast<int>(add_to)), "n"(static_cast<int>(kTransA)), \
                     "n"(static_cast<int>(kTransB)));                                                               \
    }                                                                                                               \
  };
#define SWIGLU_WGMMA_F32(n, count, ...)                                          \
  SWIGLU_WGMMA(bf16, false, n, float, "+f", "f32.bf16.bf16", count, __VA_ARGS__) \
  SWIGLU_WGMMA(f16, false, n, float, "+f", "f32.f16.f16", count, __VA_ARGS__)
#define SWIGLU_WGMMA_F16(n, count, ...) SWIGLU_WGMMA(f16, true, n, unsigned, "+r", "f16.f16.f16", count, __VA_ARGS__)

SWIGLU_WGMMA_F32(16, 8, 8, 9, 10, 11, 12)
SWIGLU_WGMMA_F32(32, 16, 16, 17, 18, 19, 20)
SWIGLU_WGMMA_F32(48, 24, 24, 25, 26, 27, 28)
SWIGLU_WGMMA_F32(64, 32, 32, 33, 34, 35, 36)
SWIGLU_WGMMA_F32(80, 40, 40, 41, 42, 43, 44)
SWIGLU_WGMMA_F32(96, 48, 48, 49, 50, 51, 52)
SWIGLU_WGMMA_F32(112, 56, 56, 57, 58, 59, 60)
SWIGLU_WGMMA_F32(128, 64, 64, 65, 66, 67, 68)
SWIGLU_WGMMA_F32(144, 72, 72, 73, 74, 75, 76)
SWIGLU_WGMMA_F32(160, 80, 80, 81, 82, 83, 84)
SWIGLU_WGMMA_F32(168, 84, 84, 85, 86, 87, 88)
SWIGLU_WGMMA_F32(176, 88, 88, 89, 90, 91, 92)
SWIGLU_WGMMA_F32(192, 96, 96, 97, 98, 99, 100)
SWIGLU_WGMMA_F32(200, 100, 100, 101, 102, 103, 104)
SWIGLU_WGMMA_F32(208, 104, 104, 105, 106, 107, 108)
SWIGLU_WGMMA_F32(224, 112, 112, 113, 114, 115, 116)
SWIGLU_WGMMA_F32(240, 120, 120, 121, 122, 123, 124)
SWIGLU_WGMMA_F32(256, 128, 128, 129, 130, 131, 132)

SWIGLU_WGMMA_F16(16, 4, 4, 5, 6, 7, 8)
SWIGLU_WGMMA_F16(32, 8, 8, 9, 10, 11, 12)
SWIGLU_WGMMA_F16(48, 12, 12, 13, 14, 15, 16)
SWIGLU_WGMMA_F16(64, 16, 16, 17, 18, 19, 20)
SWIGLU_WGMMA_F16(80, 20, 20, 21, 22, 23, 24)
SWIGLU_WGMMA_F16(96, 24, 24, 25, 26, 27, 28)
SWIGLU_WGMMA_F16(112, 28, 28, 29, 30, 31, 32)
SWIGLU_WGMMA_F16(128, 32, 32, 33, 34, 35, 36)
SWIGLU_WGMMA_F16(144, 36, 36, 37, 38, 39, 40)
SWIGLU_WGMMA_F16(160, 40, 40, 41, 42, 43, 44)
SWIGLU_WGMMA_F16(176, 44, 44, 45, 46, 47, 48)
SWIGLU_WGMMA_F16(192, 48, 48, 49, 50, 51, 52)
SWIGLU_WGMMA_F16(208, 52, 52, 53, 54, 55, 56)
SWIGLU_WGMMA_F16(224, 56, 56, 57, 58, 59, 60)
SWIGLU_WGMMA_F16(240, 60, 60, 61, 62, 63, 64)
SWIGLU_WGMMA_F16(256, 64, 64, 65, 66, 67, 68)

#undef SWIGLU_WGMMA_F16
#undef SWIGLU_WGMMA_F32
#undef SWIGLU_WGMMA
// NOLINTEND(cppcoreguidelines-macro-usage)

}  // namespace swiglu::ptx
