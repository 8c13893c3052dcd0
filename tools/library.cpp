// The C API as C++ wants it: see library.h.
#include "tools/library.h"

namespace swiglu::tool {

std::string last_error() { return text(swiglu_last_error); }

void check(swiglu_status status) {
  if (status != SWIGLU_OK) {
    throw Failure(std::string(swiglu_status_name(status)) + ": " + last_error());
  }
}

std::string text(const std::function<swiglu_status(char*, size_t, size_t*)>& function) {
  std::string buffer(4096, '\0');
  for (;;) {
    size_t needed = 0;
    const swiglu_status status = function(buffer.data(), buffer.size(), &needed);
    if (status == SWIGLU_BUFFER_TOO_SMALL && needed > buffer.size()) {
      buffer.resize(needed);
      continue;
    }
    check(status);
    buffer.resize(needed == 0 ? 0 : needed - 1);  // needed counts the NUL
    return buffer;
  }
}

Plan create_plan(const swiglu_plan_desc& desc) {
  swiglu_plan* plan = nullptr;
  check(swiglu_plan_create(&plan, &desc));
  return Plan(plan);
}

Json describe(swiglu_plan* plan, std::int64_t m) {
  return Json::parse(text(
      [&](char* buffer, size_t size, size_t* needed) { return swiglu_plan_describe(plan, m, buffer, size, needed); }));
}

Json kernels_of(const Json& description) {
  Json widest = Json::object();
  for (const Json& kernel : description.value("kernels", Json::array())) {
    Json& found = widest[kernel.value("pass", "")];
    if (found.is_null() || kernel.value("alignment", 0) >= found.value("alignment", 0)) {
      found = kernel;
    }
  }
  return widest;
}

Json kernel_of(const Json& description, std::uint32_t pass) {
  return kernels_of(description).value(pass == SWIGLU_PASS_FORWARD_STORE ? "forward_store" : "forward", Json::object());
}

void Reports::callback(void* self, const char* json) {
  auto* reports = static_cast<Reports*>(self);
  if (reports->error_) {
    return;
  }
  try {
    reports->receive_(Json::parse(json));
  } catch (...) {
    reports->error_ = std::current_exception();
  }
}

void Reports::rethrow() const {
  if (error_) {
    std::rethrow_exception(error_);
  }
}

}  // namespace swiglu::tool
