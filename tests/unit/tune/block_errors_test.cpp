// When two results agree.
#include "tune/block_errors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace swiglu {
namespace {

constexpr Problem kProblem{DType::bf16, Accum::f32, Layout::nk, Pass::forward, 4096, 14336, 16};

double limit(const Problem& problem) {
  return block_error_limit(problem, 8192, problem.dtype == DType::bf16 ? ElementType::bf16 : ElementType::f16);
}

// Sums of a matrix of 130 x 70, hence 3 x 2 blocks, whose elements have mean square 1.
std::vector<float> sums(float relative_error) {
  std::vector<float> all;
  for (const float elements : {64.F * 64, 64.F * 6, 64.F * 64, 64.F * 6, 2.F * 64, 2.F * 6}) {
    all.push_back(relative_error * relative_error * elements);
    all.push_back(elements);
  }
  return all;
}

TEST_CASE("every block must be within the limit, and the worst is named") {
  CHECK(why_different(sums(0.9e-2F), 130, 70, 1e-2) == "");
  CHECK(why_different(sums(1.1e-2F), 130, 70, 1e-2) != "");
  auto stripe = sums(1e-3F);
  stripe[6] = 1;  // the fourth block: a 20th of it
  const std::string why = why_different(stripe, 130, 70, 1e-2);
  CHECK(why.find("row 64, column 64;") != std::string::npos);
}

TEST_CASE("NaN in the result is never within any limit") {
  for (std::size_t block = 0; block < 6; ++block) {
    auto one = sums(0);
    one[2 * block] = std::numeric_limits<float>::quiet_NaN();
    CHECK(why_different(one, 130, 70, 1) != "");
  }
  CHECK(why_different(std::vector<float>(12, std::numeric_limits<float>::quiet_NaN()), 130, 70, 1) != "");
  CHECK(why_different(std::vector<float>(12, 0), 130, 70, 1) != "");  // nothing was computed
}

TEST_CASE("a block that is small by chance is judged against its share of the whole") {
  auto weak = sums(1e-3F);
  weak[11] = 1e-6F;  // its elements happen to be near zero; their errors are like everybody's
  CHECK(why_different(weak, 130, 70, 1e-2) == "");
}

TEST_CASE("one wrong element of a block shows wherever sums are kept in f32") {
  // Two independent elements differ by sqrt(2) of their size; a block has 4096.
  const double one_wrong = std::sqrt(2.0 / 4096);
  Problem problem = kProblem;
  CHECK(limit(problem) < one_wrong);
  problem.dtype = DType::f16;
  CHECK(limit(problem) < one_wrong);
  problem.accum = Accum::f16_promoted;
  CHECK(limit(problem) < one_wrong);
  problem.accum = Accum::f16;  // f16 sums of 4096 terms are that inexact: a wrong row of a tile still shows
  CHECK(limit(problem) < std::sqrt(2.0 * 16 / 4096));
}

TEST_CASE("the limit grows with what may be lost") {
  Problem f16 = kProblem;
  f16.dtype = DType::f16;
  CHECK(limit(f16) < limit(kProblem));
  Problem promoted = f16;
  promoted.accum = Accum::f16_promoted;
  CHECK(limit(promoted) > limit(f16));
  Problem half = f16;
  half.accum = Accum::f16;
  CHECK(limit(half) > limit(promoted));
}

}  // namespace
}  // namespace swiglu
