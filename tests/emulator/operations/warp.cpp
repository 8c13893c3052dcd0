#include "operations/operations.h"

namespace swiglu::emulator {
namespace {

struct ShuffleOperands {
  unsigned value;
  unsigned result;
  int argument;
  int width;
};

// The lane read, within the reader's segment of `width` lanes; a lane outside the segment or the mask gives one's own
// value, which CUDA leaves undefined for the mask.
template <Shuffle kKind>
void compute_shuffle(Block&, int, const LaneOperands& operands, const Location&) {
  for (int lane = 0; lane < Block::kWarpSize; ++lane) {
    auto* own = static_cast<ShuffleOperands*>(operands[static_cast<std::size_t>(lane)]);
    if (own == nullptr) {
      continue;
    }
    const int segment = lane / own->width * own->width;
    int source = lane;
    switch (kKind) {
      case Shuffle::index:
        source = segment + own->argument % own->width;
        break;
      case Shuffle::exclusive_or:
        source = lane ^ own->argument;
        break;
      case Shuffle::down:
        source = lane + own->argument;
        break;
    }
    const bool inside = source >= segment && source < segment + own->width;
    const auto* other = inside ? static_cast<ShuffleOperands*>(operands[static_cast<std::size_t>(source)]) : own;
    own->result = other == nullptr ? own->value : other->value;
  }
}

constexpr WarpOperation kShuffle[] = {
    {"shfl.idx", compute_shuffle<Shuffle::index>, false},
    {"shfl.bfly", compute_shuffle<Shuffle::exclusive_or>, false},
    {"shfl.down", compute_shuffle<Shuffle::down>, false},
};

struct BallotOperands {
  bool predicate;
  unsigned result;
};

void compute_ballot(Block&, int, const LaneOperands& operands, const Location&) {
  unsigned result = 0;
  for (int lane = 0; lane < Block::kWarpSize; ++lane) {
    const auto* own = static_cast<const BallotOperands*>(operands[static_cast<std::size_t>(lane)]);
    result |= own != nullptr && own->predicate ? 1u << lane : 0;
  }
  for (void* own : operands) {
    if (own != nullptr) {
      static_cast<BallotOperands*>(own)->result = result;
    }
  }
}

constexpr WarpOperation kBallot{"vote.ballot", compute_ballot, false};
constexpr WarpOperation kSynchronizeWarp{"__syncwarp", nullptr, true};

}  // namespace

unsigned shuffle(Shuffle kind, unsigned mask, unsigned value, int argument, int width, const Location& where) {
  ShuffleOperands operands{value, value, argument, width};
  Block::current()->meet_warp(kShuffle[static_cast<std::size_t>(kind)], mask, &operands, where);
  return operands.result;
}

unsigned ballot(unsigned mask, bool predicate, const Location& where) {
  BallotOperands operands{predicate, 0};
  Block::current()->meet_warp(kBallot, mask, &operands, where);
  return operands.result;
}

void synchronize_warp(unsigned mask, const Location& where) {
  Block::current()->meet_warp(kSynchronizeWarp, mask, nullptr, where);
}

void synchronize_threads(const Location& where) { Block::current()->barrier_sync(0, 0, "__syncthreads", where); }

}  // namespace swiglu::emulator
