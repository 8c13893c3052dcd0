#include "store/pack.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace swiglu {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = 512;
constexpr std::uint64_t kMostFiles = 1'000'000;
using Block = std::array<std::byte, kBlock>;

// Fields of a header: offset and length.
struct Field {
  std::size_t offset;
  std::size_t length;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kOwner{108, 8};
constexpr Field kGroup{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kMagic{257, 8};
constexpr std::string_view kMagicText{"ustar\00000", 8};

void put(Block& block, Field field, std::string_view text) {
  std::memcpy(block.data() + field.offset, text.data(), std::min(text.size(), field.length));
}

// Octal digits, ended by a NUL.
void put_number(Block& block, Field field, std::uint64_t number) {
  put(block, field, fmt::format("{:0{}o}", number, field.length - 1));
}

std::string_view text_of(const Block& block, Field field) {
  const std::string_view text(reinterpret_cast<const char*>(block.data()) + field.offset, field.length);  // NOLINT
  return text.substr(0, text.find('\0'));
}

bool read_number(const Block& block, Field field, std::uint64_t& number) {
  std::string_view text = text_of(block, field);
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7' || number > (std::uint64_t{1} << 56)) {
      return false;
    }
    number = number * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return !text.empty();
}

// The checksum's own field counts as blanks.
std::uint64_t checksum(Block block) {
  put(block, kChecksum, "        ");
  std::uint64_t sum = 0;
  for (const std::byte byte : block) {
    sum += std::to_integer<std::uint64_t>(byte);
  }
  return sum;
}

bool is_plain(std::string_view name) {
  const bool characters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/:").find(c) != std::string_view::npos;
  });
  return characters && !name.empty() && name.size() < kName.length && name.front() != '/' && name.back() != '/' &&
         !name.starts_with("./") && name.find("..") == std::string_view::npos &&
         name.find("//") == std::string_view::npos;
}

std::uint64_t padded(std::uint64_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

int read_whole(FileSystem& files, int descriptor, std::uint64_t offset, std::span<std::byte> to) {
  std::size_t filled = 0;
  while (filled < to.size()) {
    std::size_t count = 0;
    const int error = files.read_at(descriptor, offset + filled, to.subspan(filled), count);
    if (error != 0 || count == 0) {
      return error != 0 ? error : EIO;
    }
    filled += count;
  }
  return 0;
}

}  // namespace

std::shared_ptr<const Pack> Pack::open(FileSystem& files, const fs::path& path, std::string& why_not) {
  int descriptor = -1;
  if (const int error = files.open(path, Links::followed, descriptor); error != 0) {
    why_not = error_text(error);
    return nullptr;
  }
  std::shared_ptr<Pack> pack(new Pack(files, descriptor));
  if (const int error = files.status(descriptor, pack->status_); error != 0) {
    why_not = error_text(error);
    return nullptr;
  }
  why_not = pack->index();
  return why_not.empty() ? pack : nullptr;
}

Pack::~Pack() { files_.close(descriptor_); }

std::string Pack::index() {
  if (status_.kind != FileStatus::Kind::regular) {
    return "it is neither a directory nor a file";
  }
  std::uint64_t at = 0;
  for (std::uint64_t count = 0; at + kBlock <= status_.size; ++count) {
    Block header;
    if (const int error = read_whole(files_, descriptor_, at, header); error != 0) {
      return error_text(error);
    }
    if (std::all_of(header.begin(), header.end(), [](std::byte byte) { return byte == std::byte{0}; })) {
      return "";
    }
    std::uint64_t sum = 0;
    std::uint64_t bytes = 0;
    if (std::memcmp(header.data() + kMagic.offset, "ustar", 5) != 0 || !read_number(header, kChecksum, sum) ||
        sum != checksum(header) || !read_number(header, kSize, bytes)) {
      return fmt::format("it is no tar archive, or damaged at byte {}", at);
    }
    at += kBlock;
    if (bytes > status_.size - at || count == kMostFiles) {
      return fmt::format("it ends within a file, or is damaged at byte {}", at - kBlock);
    }
    const char type = text_of(header, kType).empty() ? '0' : text_of(header, kType).front();
    std::string_view name = text_of(header, kName);
    name.remove_prefix(name.starts_with("./") ? 2 : 0);  // as `tar c` writes them; folders are of another type
    if (type == '0' && is_plain(name)) {
      files_in_it_.insert_or_assign(std::string(name), Extent{at, bytes});
    }
    at += padded(bytes);
  }
  return "it has no end: it was cut off, or is no tar archive";
}

ReadResult Pack::read(const std::string& name, std::size_t at_most) const {
  ReadResult result;
  const auto found = files_in_it_.find(name);
  if (found == files_in_it_.end()) {
    result.error = ENOENT;
    return result;
  }
  result.status = status_;
  result.status.size = found->second.bytes;
  result.bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(found->second.bytes, at_most)));
  result.error = read_whole(files_, descriptor_, found->second.offset, result.bytes);
  if (result.error != 0) {
    result.bytes.clear();
  }
  return result;
}

std::vector<std::string> Pack::list(const std::string& folder) const {
  std::vector<std::string> names;
  const std::string prefix = folder + "/";
  for (auto at = files_in_it_.lower_bound(prefix); at != files_in_it_.end() && at->first.starts_with(prefix); ++at) {
    std::string name = at->first.substr(prefix.size());
    name.resize(std::min(name.size(), name.find('/')));
    if (names.empty() || names.back() != name) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::vector<std::string> Pack::names() const {
  std::vector<std::string> all;
  for (const auto& [name, extent] : files_in_it_) {
    all.push_back(name);
  }
  return all;
}

PackWriter::PackWriter(FileSystem& files, fs::path path) : files_(files), path_(std::move(path)) {
  fs::path prefix = path_;
  prefix += ".";
  constexpr std::uint32_t kMode = 0644;
  error_ = create_temporary(files_, prefix, kMode, temporary_, descriptor_);
}

PackWriter::~PackWriter() {
  if (descriptor_ >= 0) {
    files_.close(descriptor_);
    files_.remove(temporary_);
  }
}

int PackWriter::write(std::span<const std::byte> bytes) {
  while (error_ == 0 && !bytes.empty()) {
    std::size_t count = 0;
    error_ = files_.write(descriptor_, bytes, count);
    if (error_ == 0 && count == 0) {
      error_ = EIO;
    }
    bytes = bytes.subspan(std::min(count, bytes.size()));
  }
  return error_;
}

int PackWriter::add(const std::string& name, std::span<const std::byte> bytes) {
  if (error_ == 0 && !is_plain(name)) {
    error_ = EINVAL;
  }
  Block header{};
  put(header, kName, name);
  put_number(header, kMode, 0644);
  put_number(header, kOwner, 0);
  put_number(header, kGroup, 0);
  put_number(header, kSize, bytes.size());
  put_number(header, kTime, 0);  // the same contents make the same archive
  put(header, kType, "0");
  put(header, kMagic, kMagicText);
  put(header, kChecksum, fmt::format("{:06o}", checksum(header)));
  header[kChecksum.offset + 7] = std::byte{' '};
  write(header);
  write(bytes);
  const Block zeros{};
  return write(std::span(zeros).first(static_cast<std::size_t>(padded(bytes.size()) - bytes.size())));
}

int PackWriter::finish() {
  if (descriptor_ < 0) {  // there is no file
    return error_;
  }
  const Block zeros{};
  write(zeros);
  write(zeros);
  if (error_ == 0) {
    const int unsynced = files_.sync(descriptor_);
    error_ = sync_is_missing(unsynced) ? 0 : unsynced;
  }
  const int error = files_.close(std::exchange(descriptor_, -1));
  error_ = error_ == 0 ? error : error_;
  if (error_ == 0) {
    error_ = files_.rename(temporary_, path_);
  }
  if (error_ != 0) {
    files_.remove(temporary_);
  }
  return error_;
}

}  // namespace swiglu
