#include "engine/global_memory.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace swiglu::emulator {
namespace {

constexpr std::size_t kArena = std::size_t{4} << 30;  // address space, not memory
constexpr std::size_t kGuard = std::size_t{1} << 20;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kStrongest = 16;
constexpr unsigned char kPoison = 0xff;

std::size_t round_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

}  // namespace

GlobalMemory::GlobalMemory() {
  void* memory = mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  arena_ = static_cast<unsigned char*>(memory);
  used_ = kGuard;
}

GlobalMemory::~GlobalMemory() { munmap(arena_, kArena); }

unsigned char* GlobalMemory::add(const BufferShape& shape) {
  const std::size_t bytes = shape.rows == 0 ? 0 : (shape.rows - 1) * shape.pitch_bytes + shape.row_bytes;
  const std::size_t misalignment = shape.alignment < kStrongest ? shape.alignment : 0;
  const std::size_t pages = round_up(bytes + kStrongest, kPage);
  if (used_ + pages + kGuard > kArena || mprotect(arena_ + used_, pages, PROT_READ | PROT_WRITE) != 0) {
    throw std::bad_alloc();
  }
  std::memset(arena_ + used_, kPoison, pages);
  // The end of the last row touches the guard, up to the alignment asked for.
  std::size_t start = (pages - bytes) / kStrongest * kStrongest + misalignment;
  if (start + bytes > pages) {
    start -= kStrongest;
  }
  unsigned char* base = arena_ + used_ + start;
  used_ += pages + kGuard;
  buffers_.push_back({shape, base, bytes, {}, {}});
  if (shape.role != Role::input) {
    buffers_.back().writes.assign(bytes, 0);
    buffers_.back().before.assign(bytes, 0);
  }
  return base;
}

void GlobalMemory::begin_launch() {
  for (Buffer& buffer : buffers_) {
    if (buffer.shape.role == Role::output) {
      std::memset(buffer.base, kPoison, buffer.bytes);
    }
    if (buffer.shape.role != Role::input) {
      std::fill(buffer.writes.begin(), buffer.writes.end(), std::uint8_t{0});
    }
  }
}

bool GlobalMemory::owns(const void* pointer) const {
  return reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(arena_) < kArena;
}

std::size_t GlobalMemory::find(const void* pointer) const {
  const auto* byte = static_cast<const unsigned char*>(pointer);
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    if (byte >= buffers_[i].base && byte < buffers_[i].base + buffers_[i].bytes) {
      return i;
    }
  }
  return kNone;
}

std::string GlobalMemory::describe(const void* pointer) const {
  const auto* byte = static_cast<const unsigned char*>(pointer);
  for (const Buffer& buffer : buffers_) {
    if (byte >= buffer.base - kGuard / 2 && byte < buffer.base + buffer.bytes + kGuard / 2) {
      const long long offset = byte - buffer.base;
      const auto pitch = static_cast<long long>(std::max<std::size_t>(buffer.shape.pitch_bytes, 1));
      const long long row = offset >= 0 ? offset / pitch : -1;
      return fmt::format("{} row {} byte {} (of {} rows of {} bytes, pitch {})", buffer.shape.name, row,
                         offset - row * pitch, buffer.shape.rows, buffer.shape.row_bytes, buffer.shape.pitch_bytes);
    }
  }
  return fmt::format("{}", pointer);
}

std::string GlobalMemory::access_error(const void* pointer, std::size_t bytes, Role role) const {
  const std::size_t index = find(pointer);
  if (index == kNone) {
    return "outside every buffer: " + describe(pointer);
  }
  const Buffer& buffer = buffers_[index];
  const auto offset = static_cast<std::size_t>(static_cast<const unsigned char*>(pointer) - buffer.base);
  const std::size_t column = offset % buffer.shape.pitch_bytes;
  if (column + bytes > buffer.shape.row_bytes) {
    return fmt::format("{} bytes reach beyond the row: {}", bytes, describe(pointer));
  }
  if (buffer.shape.role != role && buffer.shape.role != Role::in_place) {
    return fmt::format("{}: {}", role == Role::input ? "reads an output" : "writes an input", describe(pointer));
  }
  return "";
}

std::string GlobalMemory::read_error(const void* pointer, std::size_t bytes) const {
  return access_error(pointer, bytes, Role::input);
}

std::string GlobalMemory::write_error(const void* pointer, std::size_t bytes) {
  std::string error = access_error(pointer, bytes, Role::output);
  if (error.empty()) {
    Buffer& buffer = buffers_[find(pointer)];
    const auto offset = static_cast<std::size_t>(static_cast<const unsigned char*>(pointer) - buffer.base);
    for (std::size_t i = 0; i < bytes; ++i) {
      std::uint8_t& count = buffer.writes[offset + i];
      count = static_cast<std::uint8_t>(std::min(count + 1, 255));
      if (count == 2) {
        buffer.before[offset + i] = buffer.base[offset + i];
      }
    }
  }
  return error;
}

int GlobalMemory::Buffer::writes_due(std::size_t offset) const {
  const std::size_t row = offset / shape.pitch_bytes;
  return row >= shape.twice_from && row < shape.twice_to ? 2 : 1;
}

void GlobalMemory::check_outputs(Report& report) const {
  for (const Buffer& buffer : buffers_) {
    if (buffer.shape.role == Role::input) {
      continue;
    }
    for (std::size_t i = 0; i < buffer.bytes; ++i) {
      const bool inside = i % buffer.shape.pitch_bytes < buffer.shape.row_bytes;
      if (inside && buffer.writes[i] == 0) {
        report.add(Fault::uninitialised, buffer.shape.name, "never written: " + describe(buffer.base + i));
      } else if (inside && buffer.writes[i] != buffer.writes_due(i)) {
        report.add(Fault::rewritten, buffer.shape.name,
                   fmt::format("written {} times, not {}: {}", buffer.writes[i], buffer.writes_due(i),
                               describe(buffer.base + i)));
      } else if (inside && buffer.writes[i] == 2 && buffer.before[i] != buffer.base[i]) {
        report.add(Fault::rewritten, buffer.shape.name, "written with other bits: " + describe(buffer.base + i));
      } else if (!inside && buffer.base[i] != kPoison) {
        report.add(Fault::bounds, buffer.shape.name + " padding", "padding overwritten: " + describe(buffer.base + i));
      }
    }
  }
}

}  // namespace swiglu::emulator
