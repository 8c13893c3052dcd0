// That a child which tests nothing is not taken for one that passed.
#include "gpu/child.h"

#include <doctest/doctest.h>

namespace swiglu_test {

TEST_CASE("a child whose test case does not exist has failed") {
  const ChildResult none = run_test_case("child: of no such name", {});
  CHECK(none.exit_code != 0);
  CHECK(none.output.find("no test case is called \"child: of no such name\"") != std::string::npos);
  const ChildResult one = run_test_case("child: passes", {});
  CHECK_MESSAGE(one.exit_code == 0, one.output);
}

TEST_CASE("child: passes" * doctest::skip()) { CHECK(true); }

}  // namespace swiglu_test
