// A compiled kernel with what one must know of it, and its form on disk (cache/README.md). No state; thread-safe.
//
// An entry that was read is either exactly what encode_entry() wrote, bit for bit, or refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace swiglu {

// What travels with a cubin. Text values, so that other tools can read an entry.
struct KernelEntry {
  std::string key;     // the full key text: every byte that decides the cubin (kernels/cubins.h)
  std::string config;  // spelling of the KernelConfig; one line, as `arch`
  std::string arch;    // "sm_90a"
  int registers = 0;
  int spill_bytes = 0;
  int shared_bytes = 0;  // dynamic shared memory to ask for at launch
  double compile_milliseconds = 0;
  std::vector<std::byte> cubin;
};

// Why an entry must not be written ("" if it may): no key, a cubin that is empty or no ELF file, a line break or
// control character in a one-line value, an unusable number.
std::string why_not_storable(const KernelEntry& entry);

std::vector<std::byte> encode_entry(const KernelEntry& entry);

// decode_entry() accepts exactly what encode_entry() makes of a storable entry, and says why not; it never reads past
// its input and allocates no more than a small multiple of the input's size (it is fuzzed).
struct DecodeResult {
  std::optional<KernelEntry> entry;
  std::string why_not;
};
DecodeResult decode_entry(std::span<const std::byte> bytes);

// The same of the beginning of a file of file_size bytes, for listings: key and metadata, no cubin, checksum not looked
// at. kEntryPeekBytes are enough for every entry of this library.
inline constexpr std::size_t kEntryPeekBytes = std::size_t{256} << 10;
DecodeResult peek_entry(std::span<const std::byte> beginning, std::uint64_t file_size);

}  // namespace swiglu
