// The shared memory of a block with a shadow: who wrote and who read each pair of bytes, and when.
//
// Starts poisoned (0xff: NaN in bf16, f16 and f32) and uninitialised for every block. Every access that is told here is
// checked for bounds, races, reads of uninitialised bytes, and contact with an unfinished asynchronous write. An
// asynchronous write poisons its destination until it lands.
// The shadow's grain is two bytes, the element of every kernel: an access of one byte counts for its pair.
//
// Agents (engine/ordering.h) see memory through a proxy of their own: what a thread wrote before its last fence, not
// what it wrote after. Their reads go on until a thread has waited for them; they are kept by chunks of 16 bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/ordering.h"
#include "engine/report.h"

namespace swiglu::emulator {

// What an access is called in findings: an operation at a place, or (file null) the address of a plain instruction.
struct Site {
  const char* operation;
  Location where;
  const void* instruction = nullptr;
};

class SharedMemory {
 public:
  static constexpr unsigned kWindow = 1024;  // address of the first byte as kernels see it, so that 0 is never valid
  static constexpr std::size_t kGrain = 2;

  SharedMemory(std::size_t bytes, bool allow_uninitialised, Ordering& ordering, Report& report);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  void begin_block(const std::string& block_name);

  unsigned char* data() { return data_; }
  std::size_t size() const { return size_; }
  // Whether the pointer lies in the block's memory or in the untouchable span behind it.
  bool owns(const void* pointer) const;
  unsigned address(const void* pointer) const {
    return kWindow + static_cast<unsigned>(static_cast<const unsigned char*>(pointer) - data_);
  }

  using SiteId = std::uint16_t;
  SiteId site(const Site& site);
  std::string site_text(SiteId site) const;

  // false: out of bounds, and the access must not be made.
  bool read(int thread, unsigned address, std::size_t bytes, SiteId site);
  bool write(int thread, unsigned address, std::size_t bytes, SiteId site);
  unsigned char* at(unsigned address) { return data_ + (address - kWindow); }

  // `thread` issues it. It is the writer, too, unless an agent is, which sees other memory than the thread does.
  struct PendingWrite {
    unsigned address;
    int thread;
    SiteId site;
    std::vector<unsigned char> bytes;
    int agent = kNobody;
  };
  static constexpr int kNobody = -1;
  bool begin_write(const PendingWrite& write);
  void land(const PendingWrite& write);

  // A read by an agent on behalf of threads first_thread .. + count - 1: each of them must be ordered after the writes.
  // Until `agent` has been waited for, the bytes must not change.
  struct AsyncRead {
    int agent;
    int first_thread;
    int count;
    SiteId site;
  };
  bool read_async(const AsyncRead& reader, unsigned address, std::size_t bytes);

  // The bytes become an object that ordinary accesses may not touch until the block ends.
  bool reserve(int thread, unsigned address, std::size_t bytes, SiteId site);

 private:
  struct Readers {
    Ordering::Time time = 0;
    std::uint32_t lanes = 0;  // of the warp, that read at `time`
    std::uint16_t warp = 0;
    SiteId site = 0;
  };
  struct Cell {
    Ordering::Time write_time = 0;
    std::uint32_t fences = 0;  // of the writer, before it wrote
    std::uint16_t writer = 0;  // a thread or an agent
    SiteId write_site = 0;
    std::uint16_t in_flight = 0;  // unfinished asynchronous writes
    bool reserved = false;
    Readers readers[2];  // the last two warps that read since the last write
  };
  // The last four agents that read a chunk; of threads' clocks one suffices.
  struct AsyncReader {
    Ordering::Time time = 0;
    std::uint16_t agent = 0;
    SiteId site = 0;
  };
  static constexpr std::size_t kChunk = 16;
  using AsyncReaders = std::array<AsyncReader, 4>;
  // What was found true of a reader and the writes of one time, and stays true.
  struct Verified {
    int first_thread = kNobody;
    int count = 0;
    int writer = 0;
    std::uint32_t mark = 0;

    bool operator==(const Verified&) const = default;
  };

  bool in_bounds(int thread, unsigned address, std::size_t bytes, SiteId site, const char* verb);
  std::span<Cell> cells(unsigned address, std::size_t bytes);
  void check_write(Cell& cell, int thread, std::size_t offset, SiteId site);
  void check_async_readers(int thread, unsigned address, std::size_t bytes, SiteId site);
  int thread_without_fence(const Cell& cell, int first_thread, int count);
  void check_fenced(const PendingWrite& pending);
  void check_async_read(const Cell& cell, const AsyncRead& reader);
  void check_ordered(const Cell& cell, const AsyncRead& reader);
  void note_reader(Cell& cell, int thread, SiteId site) const;
  void note_async_reader(AsyncReaders& readers, const AsyncRead& reader) const;
  void find(Fault fault, std::size_t offset, int thread, SiteId site, const char* verb, int other_thread,
            SiteId other_site, const char* other_verb);
  std::string who_text(int id) const;
  std::size_t offset_of(const Cell& cell) const { return static_cast<std::size_t>(&cell - cells_.data()) * kGrain; }

  Ordering& ordering_;
  Report& report_;
  std::size_t size_;
  bool allow_uninitialised_;
  std::size_t mapped_ = 0;
  unsigned char* data_ = nullptr;
  std::vector<Cell> cells_;
  std::vector<AsyncReaders> chunks_;
  Verified ordered_;
  Verified fenced_;
  std::vector<Site> sites_;
  std::unordered_map<std::uint64_t, SiteId> site_ids_;
  std::string block_name_;
};

// "thread 37 (warp 1 lane 5)"
std::string thread_text(int thread);

// "emulator_tests+0x1234": what addr2line takes.
std::string instruction_text(const void* instruction);

}  // namespace swiglu::emulator
