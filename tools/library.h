// The C API as C++ wants it: failures as exceptions, text as strings, reports as JSON, a plan that destroys itself.
//
// Knows nothing of the library but its public header. Thread-safe as the API is.
#pragma once

#include <swiglu/swiglu.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

namespace swiglu::tool {

using Json = nlohmann::ordered_json;

// Ends the program with exit code 1 and its message on stderr.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::string last_error();

// Throws Failure with the last error unless the status is OK.
void check(swiglu_status status);

// What a function of (buffer, size, needed) has to say, whatever its length.
std::string text(const std::function<swiglu_status(char*, size_t, size_t*)>& function);

struct PlanDeleter {
  void operator()(swiglu_plan* plan) const { swiglu_plan_destroy(plan); }
};
using Plan = std::unique_ptr<swiglu_plan, PlanDeleter>;

Plan create_plan(const swiglu_plan_desc& desc);
Json describe(swiglu_plan* plan, std::int64_t m);

// Of a description: the kernels that run on operands as aligned as their pitches allow, as the program's are, by the
// pass that each is for ("forward", "dgate", "dx", ...).
Json kernels_of(const Json& description);

// And the one of the forward pass, storing g and u or not, whichever it is of a plan for one of them.
Json kernel_of(const Json& description, std::uint32_t pass);

// A swiglu_report_callback that hands each report on as JSON. An exception of the receiver does not cross the C
// boundary: it is kept, later reports are dropped, and rethrow() throws it.
class Reports {
 public:
  explicit Reports(std::function<void(const Json&)> receive) : receive_(std::move(receive)) {}
  static void callback(void* self, const char* json);
  void rethrow() const;

 private:
  std::function<void(const Json&)> receive_;
  std::exception_ptr error_;
};

}  // namespace swiglu::tool
