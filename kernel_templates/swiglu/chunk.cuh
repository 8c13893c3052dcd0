// Chunks of 16 bytes, 8 elements of a row in global memory, in accesses as wide as the row's alignment allows. Nothing
// beyond the valid elements is touched.
#pragma once

#include "ptx/memory.cuh"
#include "swiglu/config.h"

namespace swiglu {

// The first valid_elements (1 .. 8) of a chunk, in loads of kAccessBytes where those fit; zeros after them.
template <int kAccessBytes, bool kWhole>
__device__ __forceinline__ ptx::Packet<kChunkBytes> load_chunk(const unsigned char* source, int valid_elements) {
  ptx::Packet<kChunkBytes> chunk{};
#pragma unroll
  for (int byte = 0; byte < kChunkBytes; byte += kAccessBytes) {
    if (kWhole || byte + kAccessBytes <= valid_elements * kElementBytes) {
      const ptx::Packet<kAccessBytes> piece = ptx::load_global<kAccessBytes>(source + byte);
#pragma unroll
      for (int word = 0; word < static_cast<int>(sizeof(piece.words) / 4); ++word) {
        chunk.words[byte / 4 + word] |= piece.words[word] << (byte % 4 * 8);
      }
    } else {
#pragma unroll
      for (int element = byte; element < byte + kAccessBytes; element += kElementBytes) {
        if (element < valid_elements * kElementBytes) {
          chunk.words[element / 4] |= ptx::load_global<kElementBytes>(source + element).words[0] << (element % 4 * 8);
        }
      }
    }
  }
  return chunk;
}

// The same for stores.
template <int kAccessBytes, bool kWhole>
__device__ __forceinline__ void store_chunk(unsigned char* destination, const ptx::Packet<kChunkBytes>& chunk,
                                            int valid_elements) {
#pragma unroll
  for (int byte = 0; byte < kChunkBytes; byte += kAccessBytes) {
    if (kWhole || byte + kAccessBytes <= valid_elements * kElementBytes) {
      ptx::Packet<kAccessBytes> piece;
#pragma unroll
      for (int word = 0; word < static_cast<int>(sizeof(piece.words) / 4); ++word) {
        piece.words[word] = chunk.words[byte / 4 + word] >> (byte % 4 * 8);
      }
      ptx::store_global<kAccessBytes>(destination + byte, piece);
    } else {
#pragma unroll
      for (int element = byte; element < byte + kAccessBytes; element += kElementBytes) {
        if (element < valid_elements * kElementBytes) {
          ptx::store_global<kElementBytes>(destination + element,
                                           ptx::Packet<kElementBytes>{{chunk.words[element / 4] >> (element % 4 * 8)}});
        }
      }
    }
  }
}

}  // namespace swiglu
