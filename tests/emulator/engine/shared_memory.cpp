#include "engine/shared_memory.h"

#include <dlfcn.h>
#include <fmt/core.h>
#include <sys/mman.h>

#include <cstring>
#include <new>

namespace swiglu::emulator {
namespace {

constexpr int kWarp = 32;
constexpr unsigned char kPoison = 0xff;
constexpr std::size_t kGuard = std::size_t{1} << 20;  // untouchable bytes before and behind
constexpr std::size_t kPage = 4096;

std::uint64_t site_key(const Site& site) {
  const auto pointer =
      reinterpret_cast<std::uintptr_t>(site.instruction != nullptr ? site.instruction : site.where.file);
  return (pointer * 31 + reinterpret_cast<std::uintptr_t>(site.operation)) * 65537 + site.where.line;
}

}  // namespace

std::string thread_text(int thread) {
  return fmt::format("thread {} (warp {} lane {})", thread, thread / kWarp, thread % kWarp);
}

std::string instruction_text(const void* instruction) {
  Dl_info module{};
  if (dladdr(instruction, &module) == 0 || module.dli_fname == nullptr) {
    return fmt::format("{}", instruction);
  }
  const char* slash = std::strrchr(module.dli_fname, '/');
  // One back: the address is where the access hook returns to.
  return fmt::format(
      "{}+{:#x}", slash == nullptr ? module.dli_fname : slash + 1,
      reinterpret_cast<std::uintptr_t>(instruction) - reinterpret_cast<std::uintptr_t>(module.dli_fbase) - 1);
}

SharedMemory::SharedMemory(std::size_t bytes, bool allow_uninitialised, Ordering& ordering, Report& report)
    : ordering_(ordering),
      report_(report),
      size_(bytes),
      allow_uninitialised_(allow_uninitialised),
      cells_((bytes + kGrain - 1) / kGrain),
      chunks_((bytes + kChunk - 1) / kChunk) {
  const std::size_t pages = (bytes + kPage - 1) / kPage * kPage;
  mapped_ = pages + 2 * kGuard;
  void* memory = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  data_ = static_cast<unsigned char*>(memory) + kGuard;
  if (pages > 0 && mprotect(data_, pages, PROT_READ | PROT_WRITE) != 0) {
    munmap(memory, mapped_);
    throw std::bad_alloc();
  }
  sites_.push_back({"nothing", {"", 0}});
}

SharedMemory::~SharedMemory() { munmap(data_ - kGuard, mapped_); }

void SharedMemory::begin_block(const std::string& block_name) {
  block_name_ = block_name;
  std::memset(data_, kPoison, size_);
  for (Cell& cell : cells_) {
    cell.in_flight = 0;
    cell.reserved = false;
  }
  ordered_ = {};
  fenced_ = {};
}

bool SharedMemory::owns(const void* pointer) const {
  const auto distance = reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(data_ - kGuard);
  return distance < mapped_;
}

SharedMemory::SiteId SharedMemory::site(const Site& site) {
  const auto [entry, added] = site_ids_.try_emplace(site_key(site), static_cast<SiteId>(sites_.size()));
  if (added) {
    sites_.push_back(site);
  }
  return entry->second;
}

std::string SharedMemory::site_text(SiteId id) const {
  const Site& site = sites_[id];
  return site.instruction == nullptr ? fmt::format("{} at {}", site.operation, to_text(site.where))
                                     : fmt::format("{} at {}", site.operation, instruction_text(site.instruction));
}

std::string SharedMemory::who_text(int id) const {
  return ordering_.is_agent(id) ? ordering_.agent_name(id) : thread_text(id);
}

bool SharedMemory::in_bounds(int thread, unsigned address, std::size_t bytes, SiteId site, const char* verb) {
  if (address >= kWindow && address - kWindow + bytes <= size_) {
    return true;
  }
  const long long offset = static_cast<long long>(address) - kWindow;
  report_.add(Fault::bounds, fmt::format("shared {}", site),
              fmt::format("{}: {} {} {} bytes at shared offset {}, outside the block's {} bytes, in {}", block_name_,
                          thread_text(thread), verb, bytes, offset, size_, site_text(site)));
  return false;
}

std::span<SharedMemory::Cell> SharedMemory::cells(unsigned address, std::size_t bytes) {
  const std::size_t first = (address - kWindow) / kGrain;
  const std::size_t last = (address - kWindow + bytes - 1) / kGrain;
  return std::span(cells_).subspan(first, last - first + 1);
}

void SharedMemory::find(Fault fault, std::size_t offset, int thread, SiteId site, const char* verb, int other_thread,
                        SiteId other_site, const char* other_verb) {
  std::string text =
      fmt::format("{}: shared offset {}: {} {} in {}", block_name_, offset, thread_text(thread), verb, site_text(site));
  if (other_site != 0) {
    text += fmt::format(", {} {} in {}", who_text(other_thread), other_verb, site_text(other_site));
  }
  report_.add(fault, fmt::format("{} {} {} {}", site, verb, other_site, other_verb), text);
}

void SharedMemory::note_reader(Cell& cell, int thread, SiteId site) const {
  const auto warp = static_cast<std::uint16_t>(thread / kWarp);
  const std::uint32_t lane = 1u << (thread % kWarp);
  Readers& last = cell.readers[0];
  if (last.warp == warp && last.time == ordering_.now()) {
    last.lanes |= lane;
    return;
  }
  // Only the two last warps matter: the one that comes to write next is at most one of them.
  if (last.warp != warp) {
    cell.readers[1] = last;
  }
  last = {ordering_.now(), lane, warp, site};
}

bool SharedMemory::read(int thread, unsigned address, std::size_t bytes, SiteId site) {
  if (!in_bounds(thread, address, bytes, site, "reads")) {
    return false;
  }
  for (Cell& cell : cells(address, bytes)) {
    if (cell.reserved) {
      find(Fault::object, offset_of(cell), thread, site, "reads", cell.writer, cell.write_site, "placed an object");
    } else if (cell.in_flight != 0) {
      find(Fault::in_flight, offset_of(cell), thread, site, "reads", cell.writer, cell.write_site,
           "has an unfinished copy into it, from");
    } else if (cell.write_time < ordering_.block_start()) {
      if (!allow_uninitialised_) {
        find(Fault::uninitialised, offset_of(cell), thread, site, "reads what nobody wrote", 0, 0, "");
      }
    } else if (!ordering_.ordered(cell.writer, cell.write_time, thread)) {
      find(Fault::race, offset_of(cell), thread, site, "reads", cell.writer, cell.write_site,
           "wrote with no barrier between,");
    }
    note_reader(cell, thread, site);
  }
  return true;
}

void SharedMemory::check_write(Cell& cell, int thread, std::size_t offset, SiteId site) {
  if (cell.reserved) {
    find(Fault::object, offset, thread, site, "writes", cell.writer, cell.write_site, "placed an object");
    return;
  }
  if (cell.in_flight != 0) {
    find(Fault::in_flight, offset, thread, site, "writes", cell.writer, cell.write_site,
         "has an unfinished copy into it, from");
    return;
  }
  if (!ordering_.ordered(cell.writer, cell.write_time, thread)) {
    find(Fault::race, offset, thread, site, "writes", cell.writer, cell.write_site, "wrote with no barrier between,");
  }
  for (const Readers& readers : cell.readers) {
    std::uint32_t lanes = readers.lanes;
    if (readers.warp == thread / kWarp) {
      lanes &= ~(1u << (thread % kWarp));
    }
    if (lanes == 0) {
      continue;
    }
    const int reader = readers.warp * kWarp + __builtin_ctz(lanes);
    if (!ordering_.ordered(reader, readers.time, thread)) {
      find(Fault::race, offset, thread, site, "writes", reader, readers.site, "read with no barrier between,");
    }
  }
}

bool SharedMemory::write(int thread, unsigned address, std::size_t bytes, SiteId site) {
  if (!in_bounds(thread, address, bytes, site, "writes")) {
    return false;
  }
  check_async_readers(thread, address, bytes, site);
  for (Cell& cell : cells(address, bytes)) {
    check_write(cell, thread, offset_of(cell), site);
    cell.write_time = ordering_.now();
    cell.fences = ordering_.fences(thread);
    cell.writer = static_cast<std::uint16_t>(thread);
    cell.write_site = site;
    cell.readers[0] = {};
    cell.readers[1] = {};
  }
  return true;
}

bool SharedMemory::reserve(int thread, unsigned address, std::size_t bytes, SiteId site) {
  if (!write(thread, address, bytes, site)) {
    return false;
  }
  for (Cell& cell : cells(address, bytes)) {
    cell.reserved = true;
  }
  return true;
}

bool SharedMemory::begin_write(const PendingWrite& pending) {
  if (!in_bounds(pending.thread, pending.address, pending.bytes.size(), pending.site, "writes")) {
    return false;
  }
  if (pending.agent != kNobody) {
    check_fenced(pending);
  }
  static_cast<void>(write(pending.thread, pending.address, pending.bytes.size(), pending.site));
  for (Cell& cell : cells(pending.address, pending.bytes.size())) {
    ++cell.in_flight;
  }
  std::memset(at(pending.address), kPoison, pending.bytes.size());
  return true;
}

void SharedMemory::land(const PendingWrite& pending) {
  const int writer = pending.agent == kNobody ? pending.thread : pending.agent;
  for (Cell& cell : cells(pending.address, pending.bytes.size())) {
    cell.in_flight = static_cast<std::uint16_t>(cell.in_flight - 1);
    cell.write_time = ordering_.now();
    cell.fences = ordering_.fences(pending.thread);
    cell.writer = static_cast<std::uint16_t>(writer);
    cell.write_site = pending.site;
  }
  std::memcpy(at(pending.address), pending.bytes.data(), pending.bytes.size());
}

}  // namespace swiglu::emulator
