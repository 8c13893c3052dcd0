#include "support/guarded_matrix.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "support/number_format.h"
#include "support/random.h"

namespace swiglu_test {
namespace {

// Larger than a row of any tile, so that a store one tile too far lands in it.
constexpr std::size_t kGuardBytes = 4096;
constexpr std::int64_t kThreadedElements = 1 << 20;  // below, threads cost more than they save

// 126 words from 0xFF81 to 0xFFFE, over and over: a negative NaN as bf16 and as f16, and two or four of them as f32 and
// f64. Not 0xFFFF nor 0x7FFF, which hardware makes itself.
constexpr std::size_t kPoisonBytes = 252;

std::array<std::byte, kPoisonBytes> make_poison() {
  std::array<std::byte, kPoisonBytes> bytes{};
  for (std::size_t word = 0; word < kPoisonBytes / 2; ++word) {
    bytes[2 * word] = static_cast<std::byte>(0x81 + word * 37 % 0x7E);  // 37 and 126 are coprime: each word once
    bytes[2 * word + 1] = std::byte{0xFF};
  }
  return bytes;
}

void poison(std::byte* at, std::size_t bytes, std::size_t position) {
  static const std::array<std::byte, kPoisonBytes> pattern = make_poison();
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t phase = (position + done) % kPoisonBytes;
    const std::size_t count = std::min(kPoisonBytes - phase, bytes - done);
    std::memcpy(at + done, pattern.data() + phase, count);
    done += count;
  }
}

}  // namespace

GuardedMatrix::GuardedMatrix(Memory& memory, swiglu_dtype dtype, std::int64_t rows, std::int64_t columns,
                             Placement placement)
    : memory_(memory),
      dtype_(dtype),
      element_bytes_(bytes_of(dtype)),
      rows_(rows),
      columns_(columns),
      leading_dimension_(columns + placement.padding),
      first_(kGuardBytes + static_cast<std::size_t>(placement.offset) * element_bytes_) {
  // The last row ends where its elements end: a kernel that touches its padding meets the guard.
  const std::int64_t spanned = rows == 0 ? 0 : (rows - 1) * leading_dimension_ + columns;
  image_.resize(first_ + static_cast<std::size_t>(spanned) * element_bytes_ + kGuardBytes);
  parallel_for(static_cast<std::int64_t>(image_.size()), spanned < kThreadedElements ? 1 : 0,
               [&](std::int64_t begin, std::int64_t end) {
                 const auto start = static_cast<std::size_t>(begin);
                 poison(image_.data() + start, static_cast<std::size_t>(end) - start, start);
               });
  device_ = memory_.allocate(image_.size());
}

GuardedMatrix::~GuardedMatrix() { memory_.release(device_); }

std::size_t GuardedMatrix::byte_of(std::int64_t row, std::int64_t column) const {
  return first_ + static_cast<std::size_t>(row * leading_dimension_ + column) * element_bytes_;
}

void* GuardedMatrix::device(std::int64_t row, std::int64_t column) const {
  return static_cast<std::byte*>(device_) + byte_of(row, column);
}

std::byte* GuardedMatrix::host(std::int64_t row, std::int64_t column) { return image_.data() + byte_of(row, column); }

const std::byte* GuardedMatrix::host(std::int64_t row, std::int64_t column) const {
  return image_.data() + byte_of(row, column);
}

double GuardedMatrix::at(std::int64_t row, std::int64_t column) const { return decode(dtype_, host(row, column)); }

void GuardedMatrix::set(std::int64_t row, std::int64_t column, double value) {
  encode(dtype_, value, host(row, column));
}

void GuardedMatrix::fill_normal(std::uint64_t stream, double deviation) {
  const std::vector<double>& draws = normal_draws();
  const bool is_large = rows_ * columns_ >= kThreadedElements;
  std::vector<std::uint16_t> encoded(is_large ? draws.size() : 0);  // worth while for a large matrix of 16-bit elements
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    encode(dtype_, deviation * draws[i], &encoded[i]);
  }
  parallel_for(rows_, is_large ? 0 : 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      std::byte* to = host(row, 0);
      for (std::int64_t column = 0; column < columns_; ++column, to += element_bytes_) {
        const std::int64_t index = row * columns_ + column;  // four choices of 16 bits from each hash
        const std::uint64_t bits = random_bits(stream, static_cast<std::uint64_t>(index / 4));
        const std::size_t choice = (bits >> (16 * (index % 4))) & 0xFFFF;
        if (is_large) {
          std::memcpy(to, &encoded[choice], sizeof encoded[choice]);
        } else {
          encode(dtype_, deviation * draws[choice], to);
        }
      }
    }
  });
}

void GuardedMatrix::fill_integers(std::uint64_t stream, int largest) {
  for (std::int64_t row = 0; row < rows_; ++row) {
    for (std::int64_t column = 0; column < columns_; ++column) {
      const std::uint64_t bits = random_bits(stream, static_cast<std::uint64_t>(row * columns_ + column));
      const auto choices = 2 * static_cast<std::uint64_t>(largest) + 1;
      set(row, column, static_cast<double>((bits >> 32) % choices) - largest);
    }
  }
}

void GuardedMatrix::fill_value(double value) {
  for (std::int64_t row = 0; row < rows_; ++row) {
    for (std::int64_t column = 0; column < columns_; ++column) {
      set(row, column, value);
    }
  }
}

void GuardedMatrix::poison_elements() {
  parallel_for(rows_, rows_ * columns_ < kThreadedElements ? 1 : 0, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      poison(host(row, 0), static_cast<std::size_t>(columns_) * element_bytes_, byte_of(row, 0));
    }
  });
}

void GuardedMatrix::upload() {
  uploaded_ = image_;
  memory_.upload(device_, image_.data(), image_.size());
}

void GuardedMatrix::download() { memory_.download(image_.data(), device_, image_.size()); }

std::string GuardedMatrix::damage(const char* name, bool is_input) const {
  const auto changed = [&](std::size_t begin, std::size_t end) {
    return std::memcmp(image_.data() + begin, uploaded_.data() + begin, end - begin) != 0;
  };
  if (is_input) {
    return changed(0, image_.size()) ? std::string(name) + " must not be written to, and was" : std::string();
  }
  const auto row_bytes = static_cast<std::size_t>(columns_) * element_bytes_;
  std::size_t gap_begin = 0;  // from the end of one row to the beginning of the next
  for (std::int64_t row = 0; row <= rows_; ++row) {
    const std::size_t gap_end = row < rows_ ? byte_of(row, 0) : image_.size();
    if (changed(gap_begin, gap_end)) {
      const auto at =
          static_cast<std::size_t>(std::mismatch(image_.begin() + static_cast<std::ptrdiff_t>(gap_begin), image_.end(),
                                                 uploaded_.begin() + static_cast<std::ptrdiff_t>(gap_begin))
                                       .first -
                                   image_.begin());
      const std::string where =
          row == 0       ? "before the first row"
          : row == rows_ ? "after the last row"
                         : std::string("between rows ") + std::to_string(row - 1) + " and " + std::to_string(row);
      return std::string(name) + ": memory " + where + " was written to, " + std::to_string(at - gap_begin) +
             " bytes into the " + std::to_string(gap_end - gap_begin) + " there";
    }
    gap_begin = gap_end + row_bytes;
  }
  return {};
}

}  // namespace swiglu_test
