// The entry format: round trips, a golden entry, and the refusal of everything that is not exactly an entry.
#include "store/entry.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/digest.h"
#include "support/kernel_entries.h"

namespace {

using namespace swiglu;
using swiglu::test::made_up_entry;
using swiglu::test::same;

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

// Replaces the checksum by that of the content, as somebody would who edits an entry.
Bytes resealed(Bytes bytes) {
  bytes.erase(bytes.end() - 16, bytes.end());
  for (const auto byte : digest(std::span<const std::byte>(bytes))) {
    bytes.push_back(static_cast<std::byte>(byte));
  }
  return bytes;
}

std::string why_not(const Bytes& bytes) {
  const DecodeResult result = decode_entry(bytes);
  CHECK(result.entry.has_value() == result.why_not.empty());
  return result.why_not;
}

TEST_CASE("round trip") {
  for (const int number : {0, 1, 17}) {
    for (const std::size_t size : {4UL, 5UL, 4096UL, 200'000UL}) {
      const KernelEntry entry = made_up_entry(number, size);
      const DecodeResult result = decode_entry(encode_entry(entry));
      REQUIRE(result.entry.has_value());
      CHECK(same(*result.entry, entry));
    }
  }
  KernelEntry entry = made_up_entry(3);
  entry.key = std::string("any bytes\0\n=\xff", 13);  // the key is data, not lines
  entry.config = "";
  entry.registers = std::numeric_limits<int>::max();
  for (const double milliseconds : {0.0, 0.1, 1e-300, 123456789.123456789, std::numeric_limits<double>::max()}) {
    entry.compile_milliseconds = milliseconds;
    const DecodeResult result = decode_entry(encode_entry(entry));
    REQUIRE(result.entry.has_value());
    CHECK(same(*result.entry, entry));
  }
}

TEST_CASE("the layout is the one of cache/README.md, byte for byte") {
  KernelEntry entry;
  entry.key = "K";
  entry.config = "c";
  entry.arch = "sm_80";
  entry.registers = 255;
  entry.shared_bytes = 49152;
  entry.compile_milliseconds = 1.5;
  entry.cubin = bytes_of(
      "\x7f"
      "ELF!");
  const std::string metadata =
      "config=c\narch=sm_80\nregisters=255\nspill_bytes=0\nshared_bytes=49152\ncompile_milliseconds=1.5\n";
  std::string expected = "SWIGLUK\n";
  expected += std::string("\x01\0\0\0\x28\0\0\0", 8);
  expected += std::string("\x01\0\0\0\0\0\0\0", 8);
  expected += static_cast<char>(metadata.size()) + std::string(7, '\0');
  expected += std::string("\x05\0\0\0\0\0\0\0", 8);
  expected += "K" + metadata +
              "\x7f"
              "ELF!";
  expected += std::string(16, '\0');
  CHECK(encode_entry(entry) == resealed(bytes_of(expected)));
}

TEST_CASE("every flipped bit is noticed") {
  const Bytes sound = encode_entry(made_up_entry(5, 20));
  for (std::size_t i = 0; i < sound.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = sound;
      flipped[i] ^= static_cast<std::byte>(1 << bit);
      CHECK_MESSAGE(!decode_entry(flipped).entry, "byte ", i, " bit ", bit);
    }
  }
}

TEST_CASE("every truncation and extension is noticed") {
  const Bytes sound = encode_entry(made_up_entry(5, 20));
  for (std::size_t length = 0; length < sound.size(); ++length) {
    CHECK_MESSAGE(!decode_entry(std::span(sound).first(length)).entry, "length ", length);
  }
  Bytes longer = sound;
  longer.push_back(std::byte{0});
  CHECK(why_not(longer) != "");
  longer.insert(longer.end(), sound.begin(), sound.end());
  CHECK(why_not(longer) != "");
}

TEST_CASE("torn entries: the beginning of one, the end of another of the same size") {
  const Bytes old_bytes = encode_entry(made_up_entry(1, 40));
  const Bytes new_bytes = encode_entry(made_up_entry(2, 40));
  REQUIRE(old_bytes.size() == new_bytes.size());
  for (std::size_t cut = 1; cut < old_bytes.size(); ++cut) {
    Bytes torn(old_bytes.begin(), old_bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    torn.insert(torn.end(), new_bytes.begin() + static_cast<std::ptrdiff_t>(cut), new_bytes.end());
    const bool whole = torn == old_bytes || torn == new_bytes;
    CHECK_MESSAGE(decode_entry(torn).entry.has_value() == whole, "cut at ", cut);
  }
}

TEST_CASE("entries whose checksum is right are still checked") {
  const KernelEntry entry = made_up_entry(1, 20);
  const Bytes sound = encode_entry(entry);
  const auto with_byte = [&](std::size_t at, int value) {
    Bytes bytes = sound;
    bytes[at] = static_cast<std::byte>(value);
    return resealed(bytes);
  };
  CHECK(why_not(resealed(sound)) == "");
  CHECK(why_not(with_byte(0, 'X')) == "it does not begin as a kernel entry does");
  CHECK(why_not(with_byte(8, 2)) == "its format version is 2, this library reads 1");
  CHECK(why_not(with_byte(12, 41)) == "its header has the wrong length");
  CHECK(why_not(with_byte(16, 0)) == "its parts are shorter than the file");
  CHECK(why_not(with_byte(23, 0xff)) == "its parts are longer than the file");  // a length near 2^64
  CHECK(why_not(with_byte(39, 0xff)) == "its parts are longer than the file");
  CHECK(why_not(with_byte(sound.size() - 16 - 20, 0)) == "it holds no ELF file");

  const auto with_text = [&](const std::string& from, const std::string& to) {
    std::string text(reinterpret_cast<const char*>(sound.data()), sound.size());
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    return resealed(bytes_of(text.replace(at, from.size(), to)));
  };
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"registers=41", "registers=+1"},
                                                        {"registers=41", "registers=-1"},
                                                        {"registers=41", "registers=01"},
                                                        {"registers=41", "registers=4 "},
                                                        {"registers=41", "registerz=41"},
                                                        {"arch=sm_90a\n", "arch=sm_90a "},
                                                        {"arch=sm_90a", "arch=sm\t90a"},
                                                        {"milliseconds=12.25", "milliseconds=12.20"},
                                                        {"milliseconds=12.25", "milliseconds=1e999"},
                                                        {"milliseconds=12.25", "milliseconds=  nan"},
                                                        {"milliseconds=12.25", "milliseconds=-1.25"},
                                                        {"milliseconds=12.25\n", "milliseconds=12.25x"}}) {
    CAPTURE(to);
    CHECK(why_not(with_text(from, to)) != "");
  }
}

TEST_CASE("what must not be written") {
  CHECK(why_not_storable(made_up_entry(1)) == "");
  KernelEntry entry = made_up_entry(1);
  entry.cubin.clear();
  CHECK(why_not_storable(entry) == "the cubin is empty");
  entry.cubin = bytes_of("not a cubin");
  CHECK(why_not_storable(entry) == "the cubin is no ELF file");
  entry.cubin = bytes_of(
      "\x7f"
      "EL");
  CHECK(why_not_storable(entry) == "the cubin is no ELF file");
  entry = made_up_entry(1);
  entry.key.clear();
  CHECK(why_not_storable(entry) != "");
  entry = made_up_entry(1);
  entry.config = "two\nlines";
  CHECK(why_not_storable(entry) != "");
  entry = made_up_entry(1);
  entry.spill_bytes = -1;
  CHECK(why_not_storable(entry) != "");
  for (const double bad :
       {-1.0, -0.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    entry = made_up_entry(1);
    entry.compile_milliseconds = bad;
    CHECK(why_not_storable(entry) != "");
    CHECK_FALSE(decode_entry(encode_entry(entry)).entry.has_value());
  }
}

TEST_CASE("peeking gives the texts of the beginning") {
  const KernelEntry entry = made_up_entry(9, 100'000);
  const Bytes bytes = encode_entry(entry);
  const DecodeResult peeked = peek_entry(std::span(bytes).first(1000), bytes.size());
  REQUIRE(peeked.entry.has_value());
  CHECK(peeked.entry->key == entry.key);
  CHECK(peeked.entry->config == entry.config);
  CHECK(peeked.entry->registers == entry.registers);
  CHECK(peeked.entry->cubin.empty());
  for (std::size_t length = 0; length < 200; ++length) {
    const DecodeResult part = peek_entry(std::span(bytes).first(length), bytes.size());
    CHECK(part.entry.has_value() == part.why_not.empty());
    CHECK_FALSE((part.entry.has_value() && part.entry->config != entry.config));
  }
  CHECK_FALSE(peek_entry(std::span(bytes).first(1000), bytes.size() - 1).entry.has_value());
  CHECK_FALSE(peek_entry(std::span(bytes).first(50), bytes.size()).entry.has_value());
}

}  // namespace
