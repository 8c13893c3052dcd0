// The format (cache/README.md has it in words):
//
//   offset  bytes  all numbers little-endian
//        0      8  magic "SWIGLUK\n"
//        8      4  format version
//       12      4  header length: 40
//       16      8  key length
//       24      8  metadata length
//       32      8  cubin length
//       40         key text, metadata text (name=value lines), cubin
//     last     16  XXH3-128 of all before it, canonical byte order
#include "store/entry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "base/digest.h"

namespace swiglu {
namespace {

constexpr std::string_view kMagic = "SWIGLUK\n";
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kChecksumBytes = std::tuple_size_v<Digest>;
constexpr std::string_view kElfMagic =
    "\x7f"
    "ELF";

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT: bytes as characters
}

void append(std::vector<std::byte>& to, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_little_endian(std::vector<std::byte>& to, std::uint64_t value, int byte_count) {
  for (int i = 0; i < byte_count; ++i) {
    to.push_back(static_cast<std::byte>((value >> (8 * i)) & 0xff));
  }
}

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = (value << 8) | std::to_integer<std::uint64_t>(bytes[i]);
  }
  return value;
}

// The shortest text that reads back as `value`, the same from every build (a formatting library's is not).
std::string print_number(double value) {
  char text[32];  // the longest shortest double takes 24
  const auto [end, error] = std::to_chars(std::begin(text), std::end(text), value);
  return error == std::errc() ? std::string(std::begin(text), end) : "nan";
}

std::string print_metadata(const KernelEntry& entry) {
  return fmt::format("config={}\narch={}\nregisters={}\nspill_bytes={}\nshared_bytes={}\ncompile_milliseconds={}\n",
                     entry.config, entry.arch, entry.registers, entry.spill_bytes, entry.shared_bytes,
                     print_number(entry.compile_milliseconds));
}

// Takes "name=value\n" off the front of `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name) || text.substr(name.size(), 1) != "=") {
    return std::nullopt;
  }
  const std::string_view value = text.substr(name.size() + 1, end - name.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

template <typename Number>
bool take_number(std::string_view& text, std::string_view name, Number& number) {
  const auto value = take_line(text, name);
  if (!value) {
    return false;
  }
  const char* last = value->data() + value->size();
  const auto [end, error] = std::from_chars(value->data(), last, number);
  return error == std::errc() && end == last;
}

// The one spelling of the metadata: what was read must print as it stood.
bool parse_metadata(std::string_view text, KernelEntry& entry) {
  std::string_view rest = text;
  const auto config = take_line(rest, "config");
  const auto arch = config ? take_line(rest, "arch") : std::nullopt;
  if (!arch || !take_number(rest, "registers", entry.registers) ||
      !take_number(rest, "spill_bytes", entry.spill_bytes) || !take_number(rest, "shared_bytes", entry.shared_bytes) ||
      !take_number(rest, "compile_milliseconds", entry.compile_milliseconds)) {
    return false;
  }
  entry.config = *config;
  entry.arch = *arch;
  return rest.empty() && print_metadata(entry) == text;
}

// Everything that decides whether an entry may be written, but the cubin.
std::string why_bad_metadata(const KernelEntry& entry) {
  if (entry.key.empty()) {
    return "the key is empty";
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  for (const std::string* line : {&entry.config, &entry.arch}) {
    if (std::any_of(line->begin(), line->end(), is_control)) {
      return "the configuration or architecture contains a control character";
    }
  }
  if (entry.registers < 0 || entry.spill_bytes < 0 || entry.shared_bytes < 0 ||
      !std::isfinite(entry.compile_milliseconds) || std::signbit(entry.compile_milliseconds)) {
    return "a number is negative or not finite";
  }
  return "";
}

struct Lengths {
  std::size_t key = 0;
  std::size_t metadata = 0;
  std::size_t cubin = 0;
};

// Checks the header against the file's size: afterwards every part lies inside the file.
std::string parse_header(std::span<const std::byte> bytes, std::uint64_t file_size, Lengths& lengths) {
  if (bytes.size() < kHeaderBytes || file_size < kHeaderBytes + kChecksumBytes) {
    return fmt::format("{} bytes are too few for an entry", file_size);
  }
  if (as_text(bytes.first(kMagic.size())) != kMagic) {
    return "it does not begin as a kernel entry does";
  }
  if (const std::uint64_t version = little_endian(bytes.subspan(8, 4)); version != kFormatVersion) {
    return fmt::format("its format version is {}, this library reads {}", version, kFormatVersion);
  }
  if (little_endian(bytes.subspan(12, 4)) != kHeaderBytes) {
    return "its header has the wrong length";
  }
  std::uint64_t rest = file_size - kHeaderBytes - kChecksumBytes;
  std::size_t* const parts[] = {&lengths.key, &lengths.metadata, &lengths.cubin};
  for (std::size_t i = 0; i < std::size(parts); ++i) {
    const std::uint64_t length = little_endian(bytes.subspan(16 + 8 * i, 8));
    if (length > rest) {
      return "its parts are longer than the file";
    }
    rest -= length;
    *parts[i] = static_cast<std::size_t>(length);
  }
  return rest == 0 ? "" : "its parts are shorter than the file";
}

// Key and metadata; `lengths` were checked to lie in `bytes`.
std::string parse_texts(std::span<const std::byte> bytes, const Lengths& lengths, KernelEntry& entry) {
  entry.key = as_text(bytes.subspan(kHeaderBytes, lengths.key));
  if (!parse_metadata(as_text(bytes.subspan(kHeaderBytes + lengths.key, lengths.metadata)), entry)) {
    return "its metadata cannot be read";
  }
  return why_bad_metadata(entry);
}

bool is_elf(std::span<const std::byte> cubin) { return as_text(cubin).starts_with(kElfMagic); }

}  // namespace

std::string why_not_storable(const KernelEntry& entry) {
  if (!is_elf(entry.cubin)) {
    return entry.cubin.empty() ? "the cubin is empty" : "the cubin is no ELF file";
  }
  return why_bad_metadata(entry);
}

std::vector<std::byte> encode_entry(const KernelEntry& entry) {
  const std::string metadata = print_metadata(entry);
  std::vector<std::byte> bytes;
  bytes.reserve(kHeaderBytes + entry.key.size() + metadata.size() + entry.cubin.size() + kChecksumBytes);
  append(bytes, kMagic);
  append_little_endian(bytes, kFormatVersion, 4);
  append_little_endian(bytes, kHeaderBytes, 4);
  append_little_endian(bytes, entry.key.size(), 8);
  append_little_endian(bytes, metadata.size(), 8);
  append_little_endian(bytes, entry.cubin.size(), 8);
  append(bytes, entry.key);
  append(bytes, metadata);
  bytes.insert(bytes.end(), entry.cubin.begin(), entry.cubin.end());
  const Digest checksum = digest(std::span<const std::byte>(bytes));
  for (const std::uint8_t byte : checksum) {
    bytes.push_back(static_cast<std::byte>(byte));
  }
  return bytes;
}

DecodeResult decode_entry(std::span<const std::byte> bytes) {
  Lengths lengths;
  if (std::string why = parse_header(bytes, bytes.size(), lengths); !why.empty()) {
    return {std::nullopt, std::move(why)};
  }
  const auto content = bytes.first(bytes.size() - kChecksumBytes);
  const Digest checksum = digest(content);
  if (std::memcmp(checksum.data(), bytes.last(kChecksumBytes).data(), kChecksumBytes) != 0) {
    return {std::nullopt, "its checksum is wrong"};
  }
  KernelEntry entry;
  if (std::string why = parse_texts(bytes, lengths, entry); !why.empty()) {
    return {std::nullopt, std::move(why)};
  }
  const auto cubin = content.last(lengths.cubin);
  if (!is_elf(cubin)) {
    return {std::nullopt, "it holds no ELF file"};
  }
  entry.cubin.assign(cubin.begin(), cubin.end());
  return {std::move(entry), ""};
}

DecodeResult peek_entry(std::span<const std::byte> beginning, std::uint64_t file_size) {
  Lengths lengths;
  if (std::string why = parse_header(beginning, file_size, lengths); !why.empty()) {
    return {std::nullopt, std::move(why)};
  }
  const std::size_t available = beginning.size() - kHeaderBytes;
  if (lengths.key > available || lengths.metadata > available - lengths.key) {
    return {std::nullopt, fmt::format("its key and metadata are longer than {} bytes", beginning.size())};
  }
  KernelEntry entry;
  if (std::string why = parse_texts(beginning, lengths, entry); !why.empty()) {
    return {std::nullopt, std::move(why)};
  }
  return {std::move(entry), ""};
}

}  // namespace swiglu
