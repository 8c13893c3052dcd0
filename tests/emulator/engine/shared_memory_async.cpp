// The part of the shadow that concerns agents: what they may read, and what of their reads a write must await.
#include <algorithm>

#include "engine/shared_memory.h"

namespace swiglu::emulator {

namespace {

constexpr const char* kUnfenced = "wrote with no fence_proxy_async() after it that is ordered before,";

}  // namespace

// A thread's write reaches an agent only through a fence after it, which those are ordered after for whom the agent
// acts: of these the first that is not, or kNobody.
int SharedMemory::thread_without_fence(const Cell& cell, int first_thread, int count) {
  if (cell.write_time < ordering_.block_start() || ordering_.is_agent(cell.writer) || cell.reserved) {
    return kNobody;
  }
  const Verified verified{first_thread, count, cell.writer, cell.fences};
  if (verified == fenced_) {
    return kNobody;
  }
  for (int thread = first_thread; thread < first_thread + count; ++thread) {
    if (!ordering_.fenced(cell.writer, cell.fences, thread)) {
      return thread;
    }
  }
  fenced_ = verified;
  return kNobody;
}

void SharedMemory::check_fenced(const PendingWrite& pending) {
  for (const Cell& cell : cells(pending.address, pending.bytes.size())) {
    if (thread_without_fence(cell, pending.thread, 1) != kNobody) {
      find(Fault::proxy, offset_of(cell), pending.thread, pending.site, "writes", cell.writer, cell.write_site,
           kUnfenced);
    }
  }
}

void SharedMemory::check_ordered(const Cell& cell, const AsyncRead& reader) {
  const int end = reader.first_thread + reader.count;
  const Verified verified{reader.first_thread, reader.count, cell.writer, cell.write_time};
  if (verified == ordered_) {
    return;
  }
  for (int thread = reader.first_thread; thread < end; ++thread) {
    if (!ordering_.ordered(cell.writer, cell.write_time, thread)) {
      find(Fault::race, offset_of(cell), thread, reader.site, "reads", cell.writer, cell.write_site,
           "wrote with no barrier between,");
      return;
    }
  }
  ordered_ = verified;
}

void SharedMemory::check_async_read(const Cell& cell, const AsyncRead& reader) {
  const int first = reader.first_thread;
  if (cell.reserved) {
    find(Fault::object, offset_of(cell), first, reader.site, "reads", cell.writer, cell.write_site, "placed an object");
  } else if (cell.in_flight != 0) {
    find(Fault::in_flight, offset_of(cell), first, reader.site, "reads", cell.writer, cell.write_site,
         "has an unfinished copy into it, from");
  } else if (cell.write_time < ordering_.block_start()) {
    if (!allow_uninitialised_) {
      find(Fault::uninitialised, offset_of(cell), first, reader.site, "reads what nobody wrote", 0, 0, "");
    }
  } else {
    check_ordered(cell, reader);
    const int thread = thread_without_fence(cell, first, reader.count);
    if (thread != kNobody) {
      find(Fault::proxy, offset_of(cell), thread, reader.site, "reads", cell.writer, cell.write_site, kUnfenced);
    }
  }
}

void SharedMemory::note_async_reader(AsyncReaders& readers, const AsyncRead& reader) const {
  const auto agent = static_cast<std::uint16_t>(reader.agent);
  auto place = std::find_if(readers.begin(), readers.end(), [&](const AsyncReader& other) {
    return other.agent == agent && other.time >= ordering_.block_start();
  });
  if (place == readers.end()) {
    place = std::min_element(readers.begin(), readers.end(),
                             [](const AsyncReader& a, const AsyncReader& b) { return a.time < b.time; });
  }
  *place = {ordering_.now(), agent, reader.site};
}

bool SharedMemory::read_async(const AsyncRead& reader, unsigned address, std::size_t bytes) {
  if (!in_bounds(reader.first_thread, address, bytes, reader.site, "reads")) {
    return false;
  }
  for (const Cell& cell : cells(address, bytes)) {
    check_async_read(cell, reader);
  }
  const std::size_t first = (address - kWindow) / kChunk;
  const std::size_t last = (address - kWindow + bytes - 1) / kChunk;
  for (std::size_t chunk = first; chunk <= last; ++chunk) {
    note_async_reader(chunks_[chunk], reader);
  }
  return true;
}

void SharedMemory::check_async_readers(int thread, unsigned address, std::size_t bytes, SiteId site) {
  const std::size_t first = (address - kWindow) / kChunk;
  const std::size_t last = (address - kWindow + bytes - 1) / kChunk;
  for (std::size_t chunk = first; chunk <= last; ++chunk) {
    for (const AsyncReader& reader : chunks_[chunk]) {
      if (reader.time >= ordering_.block_start() && !ordering_.ordered(reader.agent, reader.time, thread)) {
        find(Fault::race, chunk * kChunk, thread, site, "writes", reader.agent, reader.site,
             "reads, and nobody has waited for that and handed over,");
      }
    }
  }
}

}  // namespace swiglu::emulator
