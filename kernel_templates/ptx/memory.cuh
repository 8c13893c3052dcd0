// Loads and stores of whole packets: one instruction each, aligned to the packet's size. Shared memory by 32-bit
// address.
#pragma once

namespace swiglu::ptx {

// kBytes of memory in registers. The 2-byte packet keeps its element in the low half of its one word.
template <int kBytes>
struct alignas(kBytes) Packet {
  static_assert(kBytes == 16 || kBytes == 8 || kBytes == 4, "packets have 2, 4, 8 or 16 bytes");
  unsigned words[kBytes / 4];
};
template <>
struct Packet<2> {
  unsigned words[1];
};

template <int kBytes>
__device__ __forceinline__ Packet<kBytes> load_global(const void* pointer) {
  Packet<kBytes> packet;
  if constexpr (kBytes == 2) {
    packet.words[0] = *static_cast<const unsigned short*>(pointer);
  } else {
    packet = *static_cast<const Packet<kBytes>*>(pointer);
  }
  return packet;
}

template <int kBytes>
__device__ __forceinline__ void store_global(void* pointer, const Packet<kBytes>& packet) {
  if constexpr (kBytes == 2) {
    *static_cast<unsigned short*>(pointer) = static_cast<unsigned short>(packet.words[0] & 0xffffu);
  } else {
    *static_cast<Packet<kBytes>*>(pointer) = packet;
  }
}

template <int kBytes>
__device__ __forceinline__ Packet<kBytes> load_shared(unsigned address) {
  Packet<kBytes> packet;
  unsigned(&w)[sizeof(packet.words) / 4] = packet.words;
  if constexpr (kBytes == 16) {
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3])
                 : "r"(address)
                 : "memory");
  } else if constexpr (kBytes == 8) {
    asm volatile("ld.shared.v2.b32 {%0, %1}, [%2];" : "=r"(w[0]), "=r"(w[1]) : "r"(address) : "memory");
  } else if constexpr (kBytes == 4) {
    asm volatile("ld.shared.b32 %0, [%1];" : "=r"(w[0]) : "r"(address) : "memory");
  } else {
    asm volatile("ld.shared.u16 %0, [%1];" : "=r"(w[0]) : "r"(address) : "memory");
  }
  return packet;
}

template <int kBytes>
__device__ __forceinline__ void store_shared(unsigned address, const Packet<kBytes>& packet) {
  const unsigned(&w)[sizeof(packet.words) / 4] = packet.words;
  if constexpr (kBytes == 16) {
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3])
                 : "memory");
  } else if constexpr (kBytes == 8) {
    asm volatile("st.shared.v2.b32 [%0], {%1, %2};" ::"r"(address), "r"(w[0]), "r"(w[1]) : "memory");
  } else if constexpr (kBytes == 4) {
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(w[0]) : "memory");
  } else {
    asm volatile("st.shared.b16 [%0], %1;" ::"r"(address), "r"(w[0]) : "memory");
  }
}

}  // namespace swiglu::ptx
