// may_overlap against sets of bytes, for every small pair of matrices; and the cases it is there for.
#include "plan/overlap.h"

#include <doctest/doctest.h>

#include <bitset>

namespace swiglu {
namespace {

constexpr std::size_t kBytes = 64;

std::bitset<kBytes> bytes_of(const Region& region) {
  std::bitset<kBytes> bytes;
  for (std::int64_t row = 0; row < region.rows; ++row) {
    for (std::int64_t i = 0; i < region.row_bytes; ++i) {
      bytes.set(static_cast<std::size_t>(region.start + row * region.pitch + i));
    }
  }
  return bytes;
}

TEST_CASE("exact for equal pitches and single rows, never too lenient for others") {
  int too_lenient = 0;
  int too_strict = 0;
  int conservative = 0;
  const Region fixed[] = {{20, 3, 2, 5}, {20, 3, 5, 5}, {24, 1, 4, 9}, {20, 4, 1, 3}};
  for (const Region& a : fixed) {
    for (std::int64_t start = 0; start < 40; ++start) {
      for (std::int64_t rows = 1; rows <= 4; ++rows) {
        for (std::int64_t pitch = 1; pitch <= 6; ++pitch) {
          for (std::int64_t row_bytes = 1; row_bytes <= pitch; ++row_bytes) {
            const Region b{start, rows, row_bytes, pitch};
            const bool share = (bytes_of(a) & bytes_of(b)).any();
            CHECK(may_overlap(a, b) == may_overlap(b, a));
            if (share && !may_overlap(a, b)) {
              ++too_lenient;
            }
            if (!share && may_overlap(a, b)) {
              (a.pitch == pitch || a.rows == 1 || rows == 1 ? too_strict : conservative) += 1;
            }
          }
        }
      }
    }
  }
  CHECK(too_lenient == 0);
  CHECK(too_strict == 0);
  CHECK(conservative > 0);  // the rule for different pitches is what the header says, no less
}

TEST_CASE("column halves of one padded matrix are apart, one more column is not") {
  constexpr std::int64_t kPitch = 2 * 14336 * 2 + 64;
  constexpr std::int64_t kBase = std::int64_t{1} << 46;
  const Region gate{kBase, 4096, 14336 * 2, kPitch};
  const Region up{kBase + 14336 * 2, 4096, 14336 * 2, kPitch};
  CHECK_FALSE(may_overlap(gate, up));
  CHECK(may_overlap(gate, {up.start - 2, 4096, 14336 * 2, kPitch}));
  CHECK(may_overlap(gate, gate));
}

}  // namespace
}  // namespace swiglu
