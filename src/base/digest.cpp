// XXH3 in its canonical (big-endian) byte order, so that a digest reads the same on every machine.
#include "base/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace swiglu {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

Digest digest_of(const void* data, std::size_t size) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size));
  Digest result;
  static_assert(sizeof canonical.digest == std::tuple_size_v<Digest>);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = canonical.digest[i];
  }
  return result;
}

}  // namespace

Digest digest(std::span<const std::byte> bytes) { return digest_of(bytes.data(), bytes.size()); }

Digest digest(std::string_view text) { return digest_of(text.data(), text.size()); }

std::string hex(const Digest& value) {
  std::string text;
  text.reserve(2 * value.size());
  for (const std::uint8_t byte : value) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

bool is_hex(std::string_view text) { return text.find_first_not_of(kDigits) == std::string_view::npos; }

}  // namespace swiglu
