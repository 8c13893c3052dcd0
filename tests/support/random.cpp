#include "support/random.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <thread>

namespace swiglu_test {
namespace {

std::uint64_t mix(std::uint64_t value) {  // the finaliser of SplitMix64
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

std::uint64_t choose_seed() {
  const char* text = std::getenv("SWIGLU_TEST_SEED");
  if (text == nullptr) {
    return std::random_device{}();
  }
  char* end = nullptr;
  const std::uint64_t seed = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0') {
    throw std::runtime_error("SWIGLU_TEST_SEED must be a decimal number, found \"" + std::string(text) + "\"");
  }
  return seed;
}

}  // namespace

std::uint64_t run_seed() {
  static const std::uint64_t seed = choose_seed();
  return seed;
}

std::string seed_text() { return std::string("SWIGLU_TEST_SEED=") + std::to_string(run_seed()); }

std::uint64_t random_bits(std::uint64_t stream, std::uint64_t index) {
  return mix(mix(run_seed() ^ mix(stream)) + index);
}

const std::vector<double>& normal_draws() {
  static const std::vector<double> draws = [] {
    std::mt19937_64 generator(run_seed());
    std::normal_distribution<double> normal;
    std::vector<double> made(65536);
    for (double& draw : made) {
      draw = normal(generator);
    }
    return made;
  }();
  return draws;
}

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t, std::int64_t)>& body) {
  const std::int64_t machine = std::max(1U, std::thread::hardware_concurrency());
  const std::int64_t parts =
      std::clamp<std::int64_t>(threads == 0 ? machine : threads, 1, std::max<std::int64_t>(count, 1));
  std::vector<std::thread> workers;
  for (std::int64_t part = 1; part < parts; ++part) {
    workers.emplace_back([&, part] { body(count * part / parts, count * (part + 1) / parts); });
  }
  body(0, count / parts);
  for (std::thread& worker : workers) {
    worker.join();
  }
}

}  // namespace swiglu_test
