// What came of a call inside the library: nothing, or the Error it threw.
#pragma once

#include <string>

#include "base/error.h"

namespace swiglu::test {

struct Outcome {
  swiglu_status status = SWIGLU_OK;
  std::string message;
  bool says(const std::string& text) const { return message.find(text) != std::string::npos; }
};

template <typename Action>
Outcome outcome_of(Action&& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return {error.status(), error.what()};
  }
}

}  // namespace swiglu::test
