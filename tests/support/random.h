// Random test data that is the same for the same seed, whatever the order or number of threads: every element is a hash
// of (seed, stream, index). A run draws a fresh seed and prints it; SWIGLU_TEST_SEED repeats a run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace swiglu_test {

// The seed of this process: SWIGLU_TEST_SEED, else fresh. Throws std::runtime_error for a seed that is no number.
std::uint64_t run_seed();

// "SWIGLU_TEST_SEED=1234", for messages.
std::string seed_text();

// 64 well-mixed bits of the run's seed, a stream number (which buffer) and an index.
std::uint64_t random_bits(std::uint64_t stream, std::uint64_t index);

// 65536 draws from the standard normal distribution. Data picks among them by 16 random bits: as good as fresh draws
// for norms of 1e-3, and fast enough for whole models.
const std::vector<double>& normal_draws();

// body(begin, end) over [0, count), on up to `threads` threads (0: all of the machine's).
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace swiglu_test
