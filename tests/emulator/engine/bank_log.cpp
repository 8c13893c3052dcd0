#include "engine/bank_log.h"

#include <algorithm>
#include <array>

namespace swiglu::emulator {
namespace {

constexpr std::size_t kBanks = 32;
constexpr std::size_t kBankBytes = 4;
constexpr std::size_t kPhaseBytes = kBanks * kBankBytes;
constexpr int kWarp = 32;

// The most different words that fall on one bank.
std::size_t turns(std::span<const unsigned> addresses, std::size_t bytes) {
  std::array<std::vector<unsigned>, kBanks> words;
  std::size_t most = 0;
  for (const unsigned address : addresses) {
    const auto end = static_cast<unsigned>((address + bytes + kBankBytes - 1) / kBankBytes);
    for (unsigned word = address / kBankBytes; word < end; ++word) {
      auto& bank = words[word % kBanks];
      if (std::find(bank.begin(), bank.end(), word) == bank.end()) {
        bank.push_back(word);
      }
      most = std::max(most, bank.size());
    }
  }
  return most;
}

// Lanes that are served together.
std::size_t lanes_of_phase(std::size_t bytes) { return kPhaseBytes / std::max(bytes, kBankBytes); }

}  // namespace

BankUse bank_use(std::span<const unsigned> addresses, std::size_t bytes) {
  BankUse use;
  const std::size_t lanes = lanes_of_phase(bytes);
  for (std::size_t first = 0; first < addresses.size(); first += lanes) {
    const auto group = addresses.subspan(first, std::min(lanes, addresses.size() - first));
    use.phases += 1;
    use.conflicts += turns(group, bytes) - 1;
  }
  return use;
}

void BankLog::add(int thread, std::uint16_t site, unsigned address, std::size_t bytes, BankUse& total) {
  if (!enabled_) {
    return;
  }
  const std::uint32_t occurrence = occurrences_[static_cast<std::uint64_t>(thread) << 16 | site]++;
  const auto warp = static_cast<std::uint64_t>(thread / kWarp);
  entries_.push_back({warp << 48 | static_cast<std::uint64_t>(site) << 32 | occurrence,
                      static_cast<std::uint32_t>(thread % kWarp), address, static_cast<std::uint32_t>(bytes), &total});
}

void BankLog::flush() {
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.key != b.key ? a.key < b.key : a.lane < b.lane; });
  std::vector<unsigned> addresses;
  for (std::size_t i = 0; i < entries_.size();) {
    const Entry& first = entries_[i];
    const std::size_t lanes = lanes_of_phase(first.bytes);
    addresses.clear();
    while (i < entries_.size() && entries_[i].key == first.key && entries_[i].lane / lanes == first.lane / lanes) {
      addresses.push_back(entries_[i++].address);
    }
    first.total->phases += 1;
    first.total->conflicts += turns(addresses, first.bytes) - 1;
  }
  entries_.clear();
  occurrences_.clear();
}

}  // namespace swiglu::emulator
