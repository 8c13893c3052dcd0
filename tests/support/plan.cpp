#include "support/plan.h"

#include <stdexcept>

namespace swiglu_test {

std::string last_error() {
  char text[8192];
  swiglu_last_error(text, sizeof text, nullptr);
  return text;
}

void require(swiglu_status status, const std::string& what) {
  if (status != SWIGLU_OK) {
    throw std::runtime_error(what + ": " + swiglu_status_name(status) + ": " + last_error());
  }
}

Plan make_plan(const swiglu_plan_desc& desc) {
  swiglu_plan* plan = nullptr;
  require(swiglu_plan_create(&plan, &desc), "swiglu_plan_create");
  return Plan(plan);
}

std::string describe(swiglu_plan* plan, std::int64_t m) {
  std::string text(1 << 16, '\0');
  require(swiglu_plan_describe(plan, m, text.data(), text.size(), nullptr), "swiglu_plan_describe");
  text.resize(text.find('\0'));
  return text;
}

const char* name_of(swiglu_accum accum) {
  switch (accum) {
    case SWIGLU_ACCUM_F32:
      return "f32";
    case SWIGLU_ACCUM_F16:
      return "f16";
    case SWIGLU_ACCUM_F16_PROMOTED:
      return "f16_promoted";
    case SWIGLU_ACCUM_F64:
      return "f64";
  }
  return "?";
}

}  // namespace swiglu_test
