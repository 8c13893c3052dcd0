// The emulator's form of kernel_templates/ptx/memory.cuh.
#pragma once

namespace swiglu::ptx {

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
inline Packet<kBytes> load_global(const void* pointer,
                                  const emulator::Location& where = emulator::Location::current()) {
  Packet<kBytes> packet{};  // the upper half of the 2-byte packet is zero
  emulator::load_global(pointer, packet.words, kBytes, where);
  return packet;
}

template <int kBytes>
inline void store_global(void* pointer, const Packet<kBytes>& packet,
                         const emulator::Location& where = emulator::Location::current()) {
  emulator::store_global(pointer, packet.words, kBytes, where);
}

template <int kBytes>
inline Packet<kBytes> load_shared(unsigned address, const emulator::Location& where = emulator::Location::current()) {
  Packet<kBytes> packet{};
  emulator::load_shared(address, packet.words, kBytes, where);
  return packet;
}

template <int kBytes>
inline void store_shared(unsigned address, const Packet<kBytes>& packet,
                         const emulator::Location& where = emulator::Location::current()) {
  emulator::store_shared(address, packet.words, kBytes, where);
}

}  // namespace swiglu::ptx
