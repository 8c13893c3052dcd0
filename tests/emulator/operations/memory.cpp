#include <cstring>

#include "operations/operations.h"
#include "operations/who.h"

namespace swiglu::emulator {
namespace {

void check_alignment(Block& block, std::size_t address, std::size_t bytes, const char* operation, const char* space,
                     const Location& where) {
  if (address % bytes != 0) {
    block.stop(Fault::alignment, operation + to_text(where),
               fmt::format("{}: the {} address {:#x} is no multiple of {}", who(block, operation, where), space,
                           address, bytes));
  }
}

void check_global(Block& block, const std::string& error, const char* operation, const Location& where) {
  block.note_global_access({operation, where});
  if (!error.empty()) {
    block.stop(Fault::bounds, operation + to_text(where), fmt::format("{}: {}", who(block, operation, where), error));
  }
}

}  // namespace

void copy_async(int bytes, unsigned shared_destination, const void* global_source, int valid_bytes,
                const Location& where) {
  Block& block = *Block::current();
  const auto size = static_cast<std::size_t>(bytes);
  check_alignment(block, shared_destination, size, "cp.async", "shared", where);
  check_alignment(block, reinterpret_cast<std::size_t>(global_source), size, "cp.async", "global", where);
  if (valid_bytes < 0 || valid_bytes > bytes) {
    block.stop(Fault::bounds, to_text(where),
               fmt::format("{}: {} valid bytes of {}", who(block, "cp.async", where), valid_bytes, bytes));
  }
  const auto valid = static_cast<std::size_t>(valid_bytes);
  const SharedMemory::SiteId site = block.shared().site({"cp.async", where});
  SharedMemory::PendingWrite write{shared_destination, block.thread(), site, std::vector<unsigned char>(size, 0)};
  if (valid > 0) {
    check_global(block, block.global().read_error(global_source, valid), "cp.async", where);
    std::memcpy(write.bytes.data(), global_source, valid);
  }
  if (!block.shared().begin_write(write)) {
    block.stop();
  }
  Counters& counters = block.report().counters;
  counters.copies += 1;
  counters.copied_bytes += valid;
  block.banks().add(block.thread(), site, shared_destination, size, counters.copy_banks);
  block.copies().add(std::move(write));
}

void copy_async_commit() { Block::current()->copies().commit(); }

void copy_async_wait(int pending) {
  Block& block = *Block::current();
  block.copies().wait(static_cast<std::size_t>(pending), block.shared());
}

void load_global(const void* source, void* destination, std::size_t bytes, const Location& where) {
  Block& block = *Block::current();
  check_alignment(block, reinterpret_cast<std::size_t>(source), bytes, "load", "global", where);
  check_global(block, block.global().read_error(source, bytes), "load", where);
  std::memcpy(destination, source, bytes);
}

void store_global(void* destination, const void* source, std::size_t bytes, const Location& where) {
  Block& block = *Block::current();
  check_alignment(block, reinterpret_cast<std::size_t>(destination), bytes, "store", "global", where);
  check_global(block, block.global().write_error(destination, bytes), "store", where);
  std::memcpy(destination, source, bytes);
}

void load_shared(unsigned source, void* destination, std::size_t bytes, const Location& where) {
  Block& block = *Block::current();
  check_alignment(block, source, bytes, "shared load", "shared", where);
  const SharedMemory::SiteId site = block.shared().site({"shared load", where});
  if (!block.shared().read(block.thread(), source, bytes, site)) {
    block.stop();
  }
  block.banks().add(block.thread(), site, source, bytes, block.report().counters.shared_load_banks);
  std::memcpy(destination, block.shared().at(source), bytes);
}

void store_shared(unsigned destination, const void* source, std::size_t bytes, const Location& where) {
  Block& block = *Block::current();
  check_alignment(block, destination, bytes, "shared store", "shared", where);
  const SharedMemory::SiteId site = block.shared().site({"shared store", where});
  if (!block.shared().write(block.thread(), destination, bytes, site)) {
    block.stop();
  }
  block.banks().add(block.thread(), site, destination, bytes, block.report().counters.shared_store_banks);
  std::memcpy(block.shared().at(destination), source, bytes);
}

}  // namespace swiglu::emulator
