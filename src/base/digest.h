// 128-bit digests (XXH3): names of store entries and their checksums. Integrity, not authenticity.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace swiglu {

using Digest = std::array<std::uint8_t, 16>;

Digest digest(std::span<const std::byte> bytes);
Digest digest(std::string_view text);
std::string hex(const Digest&);      // 32 lower-case digits
bool is_hex(std::string_view text);  // such digits alone, of any number

}  // namespace swiglu
