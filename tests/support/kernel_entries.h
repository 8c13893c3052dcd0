// Kernel entries made up for tests: sound, small, and different for different numbers.
#pragma once

#include <cstddef>
#include <string>

#include "store/entry.h"

namespace swiglu::test {

inline std::string made_up_key(int number) { return "schema=1\nkernel=" + std::to_string(number) + "\n"; }

// The cubin is `cubin_bytes` long (at least 4) and its contents follow from `number`.
inline KernelEntry made_up_entry(int number, std::size_t cubin_bytes = 64) {
  KernelEntry entry;
  entry.key = made_up_key(number);
  entry.config = "bf16_f32_64x64_kn/simt/16x16x16_s1_w1x1_g" + std::to_string(number + 1);
  entry.arch = "sm_90a";
  entry.registers = 40 + number % 100;
  entry.spill_bytes = 0;
  entry.shared_bytes = 1024 * (number % 64);
  entry.compile_milliseconds = 12.25;
  entry.cubin = {std::byte{0x7f}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};
  for (std::size_t i = entry.cubin.size(); i < cubin_bytes; ++i) {
    entry.cubin.push_back(static_cast<std::byte>((i * 31 + static_cast<std::size_t>(number)) & 0xff));
  }
  return entry;
}

inline bool same(const KernelEntry& a, const KernelEntry& b) {
  return a.key == b.key && a.config == b.config && a.arch == b.arch && a.registers == b.registers &&
         a.spill_bytes == b.spill_bytes && a.shared_bytes == b.shared_bytes &&
         a.compile_milliseconds == b.compile_milliseconds && a.cubin == b.cubin;
}

}  // namespace swiglu::test
