// What one process of the stress test does: `store_stress --worker <role> <directory> <number> <gate>`. It starts when
// it reads end-of-file from the file descriptor <gate> (-1: at once).
#pragma once

namespace swiglu::test {

inline constexpr int kEntries = 24;  // entries that every role works with: numbers 0 .. kEntries - 1
inline constexpr unsigned kCubinBytes = 20'000;

// Exit code of the process: 0, or 1 after a line on stderr.
//   coldstart  for each entry: find it, else put it; afterwards every one must be found, whole
//   write      puts entries for ever (to be killed); starts at once, and writes a byte to <gate> when it does
//   read       finds entries for <number> milliseconds; whatever is found must be whole
//   evict      prunes to a random size, and puts, for <number> milliseconds
int run_worker(int argc, char** argv);

}  // namespace swiglu::test
