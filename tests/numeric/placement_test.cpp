// Where operands lie: padded rows with poison between them, packed weights and outputs, pointers aligned to an element
// only. Guard zones and padding are checked after every execution (support/guarded_matrix.h).
#include "numeric/cases.h"

namespace swiglu_test {

TEST_CASE("padded leading dimensions [sanitizer]") {
  // Paddings of 8, 4, 2 and odd elements leave rows 16-, 8-, 4- and 2-byte aligned.
  std::vector<Case> cases;
  std::size_t number = 0;
  for (const std::int64_t padding : {1, 2, 4, 8, 37}) {
    for (const Kind& kind : kinds_for(number++, 2)) {
      Case test = make_case(kind, 64, 72, {1, 67, 130});
      test.x.padding = padding;
      test.weights.padding = 2 * padding;
      test.outputs.padding = padding + 8;
      cases.push_back(test);
    }
  }
  check_cases(cases);
}

TEST_CASE("padding of one operand alone") {
  std::vector<Case> cases;
  std::size_t number = 0;
  for (Placement Case::*operand : {&Case::x, &Case::weights, &Case::outputs}) {
    for (const Kind& kind : kinds_for(number++, 2)) {
      Case test = make_case(kind, 96, 64, {65});
      (test.*operand).padding = 5;
      cases.push_back(test);
    }
  }
  check_cases(cases);
}

TEST_CASE("pointers aligned to an element only [sanitizer]") {
  std::vector<Case> cases;
  std::size_t number = 0;
  for (const std::int64_t offset : {1, 2, 4, 7}) {
    for (const Kind& kind : kinds_for(number++, 2)) {
      for (Placement Case::*operand : {&Case::x, &Case::weights, &Case::outputs}) {
        Case test = make_case(kind, 64, 128, {50, 129});
        (test.*operand).offset = offset;
        cases.push_back(test);
      }
    }
  }
  check_cases(cases);
}

TEST_CASE("packed weights in either order, g and u as halves of one matrix [sanitizer]") {
  std::vector<Case> cases;
  std::size_t number = 0;
  for (const Packing packing : {Packing::gate_up, Packing::up_gate}) {
    for (const std::int64_t d_intermediate : {128, 37}) {
      for (const Kind& kind : kinds_for(number++, 2)) {
        Case test = make_case(kind, 80, d_intermediate, {3, 70});
        test.packing = packing;
        test.packed_store = true;
        test.weights.padding = number % 2 == 0 ? 0 : 8;
        cases.push_back(test);
      }
    }
  }
  check_cases(cases);
}

}  // namespace swiglu_test
