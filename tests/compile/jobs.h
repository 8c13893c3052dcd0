// What there is to compile: every candidate of the tile tables x dtype, accumulator, layout x architecture, and passes,
// alignments and tails in turn. Deterministic: the same list in the same order on every machine.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "swiglu/config.h"

namespace swiglu::test {

struct Job {
  KernelConfig config;
  std::string arch;
};

std::string print(const Job&);

std::vector<Job> all_jobs();

// The values that matter of a job: tile, architecture, dtype and accumulator, layout, pass, and pass with shape and
// alignment.
std::vector<std::string> traits(const Job&);

// Pairs of its traits, and each with itself; but no tile with an architecture or a shape: registers hardly depend on
// them.
using TraitPair = std::pair<std::string, std::string>;
std::set<TraitPair> wanted_pairs(const Job&);

// A small part of the jobs in which every wanted pair of all of them occurs.
std::vector<Job> sample(const std::vector<Job>& jobs);

}  // namespace swiglu::test
