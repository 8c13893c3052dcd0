// The dense box of a map lies in shared memory row after row, in rows of the swizzle's span, 16-byte chunks permuted
// by their address.
#include "operations/tma.h"

#include <algorithm>
#include <cstring>

#include "operations/mbarrier.h"
#include "operations/swizzle.h"
#include "operations/tensor_map.h"
#include "operations/who.h"

namespace swiglu::emulator {
namespace {

const TensorMapFields& checked_map(Block& block, const TensorMap& map, const char* operation, const Location& where) {
  const TensorMapFields* fields = fields_of(map);
  if (fields == nullptr) {
    block.stop(Fault::object, operation + to_text(where),
               fmt::format("{}: this is no tensor map", who(block, operation, where)));
  }
  return *fields;
}

void check_global(Block& block, const std::string& error, const char* operation, const Location& where) {
  if (!error.empty()) {
    block.stop(Fault::bounds, operation + to_text(where), fmt::format("{}: {}", who(block, operation, where), error));
  }
}

// The part of a box's row that lies inside the matrix: bytes of the box's row, and where they are in global memory.
struct RowPart {
  std::size_t first = 0;
  std::size_t bytes = 0;
  unsigned char* global = nullptr;
};

RowPart row_part(const TensorMapFields& map, int x, int y, int row) {
  const std::int64_t global_row = std::int64_t{y} + row;
  const std::int64_t begin = std::clamp<std::int64_t>(x, 0, map.columns);
  const std::int64_t end = std::clamp<std::int64_t>(std::int64_t{x} + map.box_columns, 0, map.columns);
  if (global_row < 0 || global_row >= map.rows || begin >= end) {
    return {};
  }
  return {static_cast<std::size_t>((begin - x) * map.element_bytes),
          static_cast<std::size_t>((end - begin) * map.element_bytes),
          map.base + global_row * map.pitch_bytes + begin * map.element_bytes};
}

// Shared address of the chunk of a box's row.
unsigned chunk_address(const TensorMapFields& map, unsigned tile, std::size_t row, std::size_t chunk) {
  return swizzled(tile + static_cast<unsigned>(row * map.box_pitch() + chunk * kSwizzleChunk), map.swizzle_bytes);
}

// One write where the box's rows touch, else one for each chunk: what lies between is left as it is.
std::vector<SharedMemory::PendingWrite> place(const TensorMapFields& map, unsigned tile,
                                              const std::vector<unsigned char>& box,
                                              const SharedMemory::PendingWrite& as) {
  const std::size_t chunks = map.box_row_bytes() / kSwizzleChunk;
  const bool dense = map.box_pitch() == map.box_row_bytes();
  std::vector<SharedMemory::PendingWrite> writes;
  if (dense) {
    writes.push_back(as);
    writes.back().address = tile;
    writes.back().bytes.resize(box.size());
  }
  for (std::size_t i = 0; i < box.size() / kSwizzleChunk; ++i) {
    const unsigned address = chunk_address(map, tile, i / chunks, i % chunks);
    if (!dense) {
      writes.push_back(as);
      writes.back().address = address;
      writes.back().bytes.resize(kSwizzleChunk);
    }
    std::memcpy(&writes.back().bytes[dense ? address - tile : 0], &box[i * kSwizzleChunk], kSwizzleChunk);
  }
  return writes;
}

}  // namespace

void tma_prefetch(const TensorMap& map, const Location& where) {
  static_cast<void>(checked_map(*Block::current(), map, "tma_prefetch", where));
}

void tma_load(unsigned shared_destination, const TensorMap& map, int x, int y, unsigned barrier,
              const Location& where) {
  constexpr const char* kOperation = "tma_load";
  Block& block = *Block::current();
  const TensorMapFields& fields = checked_map(block, map, kOperation, where);
  check_shared_alignment(block, shared_destination, swizzle_alignment(fields.swizzle_bytes), kOperation, where);
  Mbarrier& completion = live_mbarrier(block, barrier, kOperation, where);
  if (!completion.fenced) {
    block.report().add(Fault::proxy, kOperation + to_text(where),
                       fmt::format("{}: no mbarrier_fence_init() by the initialising thread: {}",
                                   who(block, kOperation, where), completion.text()));
  }
  block.note_global_access({kOperation, where});
  const std::size_t row_bytes = fields.box_row_bytes();
  std::vector<unsigned char> box(row_bytes * static_cast<std::size_t>(fields.box_rows), 0);
  for (int row = 0; row < fields.box_rows; ++row) {
    const RowPart part = row_part(fields, x, y, row);
    if (part.bytes > 0) {
      check_global(block, block.global().read_error(part.global, part.bytes), kOperation, where);
      std::memcpy(&box[static_cast<std::size_t>(row) * row_bytes + part.first], part.global, part.bytes);
      block.report().counters.tma_loaded_bytes += part.bytes;
    }
  }
  Mbarrier::Copy copy;
  copy.bytes = static_cast<long long>(box.size());
  copy.writes = place(fields, shared_destination, box,
                      {0, block.thread(), block.shared().site({kOperation, where}), {}, completion.agent()});
  for (const SharedMemory::PendingWrite& write : copy.writes) {
    if (!block.shared().begin_write(write)) {
      block.stop();
    }
  }
  block.report().counters.tma_loads += 1;
  completion.add(std::move(copy));
}

void tma_store(const TensorMap& map, int x, int y, unsigned shared_source, const Location& where) {
  constexpr const char* kOperation = "tma_store";
  Block& block = *Block::current();
  const TensorMapFields& fields = checked_map(block, map, kOperation, where);
  check_shared_alignment(block, shared_source, swizzle_alignment(fields.swizzle_bytes), kOperation, where);
  block.note_global_access({kOperation, where});
  BulkStores& stores = block.bulk_stores();
  const SharedMemory::AsyncRead reader{stores.agent(block.ordering(), block.thread()), block.thread(), 1,
                                       block.shared().site({kOperation, where})};
  std::vector<unsigned char> row_bytes(fields.box_row_bytes());
  for (int row = 0; row < fields.box_rows; ++row) {
    const RowPart part = row_part(fields, x, y, row);
    for (std::size_t byte = part.first; byte < part.first + part.bytes;) {
      const std::size_t within = byte % kSwizzleChunk;
      const std::size_t size = std::min(kSwizzleChunk - within, part.first + part.bytes - byte);
      const unsigned address =
          chunk_address(fields, shared_source, static_cast<std::size_t>(row), byte / kSwizzleChunk) +
          static_cast<unsigned>(within);
      if (!block.shared().read_async(reader, address, size)) {
        block.stop();
      }
      std::memcpy(&row_bytes[byte], block.shared().at(address), size);
      byte += size;
    }
    if (part.bytes > 0) {
      check_global(block, block.global().write_error(part.global, part.bytes), kOperation, where);
      std::memcpy(part.global, &row_bytes[part.first], part.bytes);
      block.report().counters.tma_stored_bytes += part.bytes;
    }
  }
  block.report().counters.tma_stores += 1;
  stores.add();
}

void tma_store_commit() {
  Block& block = *Block::current();
  block.bulk_stores().commit(block.ordering());
}

void tma_store_wait(int pending, bool written) {
  Block& block = *Block::current();
  block.bulk_stores().wait(static_cast<std::size_t>(pending), written, block.ordering(), block.thread());
}

void fence_proxy_async() {
  Block& block = *Block::current();
  block.ordering().fence(block.thread());
}

}  // namespace swiglu::emulator
