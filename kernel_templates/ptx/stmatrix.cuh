// stmatrix (sm_90): a warp writes 8x8 matrices of 16-bit elements from mma fragments to shared memory.
//
// Lane l gives the address of row l % 8 of matrix l / 8 (16-byte aligned, 16 bytes a row; of x2 lanes 0 .. 15 count).
// r[i] holds of matrix i the elements (row l / 4, columns 2 * (l % 4) and + 1); with _trans the elements (rows 2 * (l %
// 4) and + 1, column l / 4).
#pragma once

namespace swiglu::ptx {

__device__ __forceinline__ void stmatrix_x4(unsigned shared_address, const unsigned (&r)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(shared_address), "r"(r[0]),
               "r"(r[1]), "r"(r[2]), "r"(r[3])
               : "memory");
}

__device__ __forceinline__ void stmatrix_x2(unsigned shared_address, const unsigned (&r)[2]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1, %2};" ::"r"(shared_address), "r"(r[0]), "r"(r[1])
               : "memory");
}

__device__ __forceinline__ void stmatrix_x4_trans(unsigned shared_address, const unsigned (&r)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(shared_address),
               "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])
               : "memory");
}

__device__ __forceinline__ void stmatrix_x2_trans(unsigned shared_address, const unsigned (&r)[2]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};" ::"r"(shared_address), "r"(r[0]),
               "r"(r[1])
               : "memory");
}

}  // namespace swiglu::ptx
