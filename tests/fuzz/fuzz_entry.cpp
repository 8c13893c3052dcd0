// Any bytes as a kernel entry: the parser must not crash, and what it accepts must be exactly what the writer makes of
// it. Each input is tried as it stands and with its checksum put right, or every mutation would end at the checksum.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/digest.h"
#include "store/entry.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void try_bytes(std::span<const std::byte> bytes) {
  const swiglu::DecodeResult decoded = swiglu::decode_entry(bytes);
  require(decoded.entry.has_value() == decoded.why_not.empty());
  const swiglu::DecodeResult peeked = swiglu::peek_entry(bytes, bytes.size());
  require(peeked.entry.has_value() == peeked.why_not.empty());
  if (!decoded.entry) {
    return;
  }
  require(swiglu::why_not_storable(*decoded.entry).empty());
  const std::vector<std::byte> again = swiglu::encode_entry(*decoded.entry);
  require(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
  require(peeked.entry.has_value() && peeked.entry->key == decoded.entry->key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try_bytes(bytes);
  swiglu::peek_entry(bytes, std::uint64_t{size} * 1000);
  constexpr std::size_t kChecksumBytes = 16;
  if (size >= kChecksumBytes) {
    std::vector<std::byte> resealed(bytes.begin(), bytes.end() - kChecksumBytes);
    for (const std::uint8_t byte : swiglu::digest(std::span<const std::byte>(resealed))) {
      resealed.push_back(static_cast<std::byte>(byte));
    }
    try_bytes(resealed);
  }
  return 0;
}
