// What the tests of the public API share: a small valid problem, its buffers, and a look at errors.
#pragma once

#include <doctest/doctest.h>
#include <swiglu/swiglu.h>

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/scratch_directory.h"

namespace swiglu_test {

using Json = nlohmann::json;
using swiglu::test::ScratchDirectory;

// Text of a function (buffer, size, needed), asked for as the header says.
template <typename Function>
std::string text_of(Function function) {
  size_t needed = 0;
  CHECK(function(nullptr, 0, &needed) == SWIGLU_BUFFER_TOO_SMALL);
  std::string text(needed, '?');
  CHECK(function(text.data(), text.size(), nullptr) == SWIGLU_OK);
  text.resize(needed - 1);
  return text;
}

inline std::string last_error() { return text_of(swiglu_last_error); }

// That a call failed as it should and that its message holds all of `texts`.
inline void check_failure(swiglu_status status, swiglu_status expected, std::initializer_list<const char*> texts) {
  CHECK_MESSAGE(status == expected, std::string(swiglu_status_name(status)), " instead of ",
                std::string(swiglu_status_name(expected)), ": ", last_error());
  const std::string message = last_error();
  for (const char* text : texts) {
    CHECK_MESSAGE(message.find(text) != std::string::npos, "\"", message, "\" lacks \"", std::string(text), "\"");
  }
}

inline swiglu_plan_desc description(std::int32_t device) {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_BF16;
  desc.accum = SWIGLU_ACCUM_F32;
  desc.weight_layout = SWIGLU_KN;
  desc.d_model = 64;
  desc.d_intermediate = 96;
  desc.device = device;
  return desc;
}

struct PlanDeleter {
  void operator()(swiglu_plan* plan) const { swiglu_plan_destroy(plan); }
};
using PlanPointer = std::unique_ptr<swiglu_plan, PlanDeleter>;

inline PlanPointer make_plan(const swiglu_plan_desc& desc) {
  swiglu_plan* plan = nullptr;
  REQUIRE_MESSAGE(swiglu_plan_create(&plan, &desc) == SWIGLU_OK, last_error());
  return PlanPointer(plan);
}

// Buffers of description() for up to 256 rows and a d_model of up to 2048, 16-byte aligned, outputs poisoned. On
// stand-in devices, whose launches execute nothing, they only lend their addresses.
struct Buffers {
  static constexpr std::uint16_t kPoison = 0xdead;
  static constexpr std::size_t kMaxModel = 2048;
  static constexpr std::size_t kOutput = std::size_t{256} * 96 + 8;

  std::vector<std::uint16_t> x = std::vector<std::uint16_t>(256 * kMaxModel + 8, 0x3c00);
  std::vector<std::uint16_t> w_gate = std::vector<std::uint16_t>(kMaxModel * 96 + 8, 0x3c00);
  std::vector<std::uint16_t> w_up = std::vector<std::uint16_t>(kMaxModel * 96 + 8, 0x3c00);
  std::vector<std::uint16_t> out = std::vector<std::uint16_t>(kOutput, kPoison);
  std::vector<std::uint16_t> g = std::vector<std::uint16_t>(kOutput, kPoison);
  std::vector<std::uint16_t> u = std::vector<std::uint16_t>(kOutput, kPoison);

  swiglu_forward_args args(std::int64_t m, bool store = false) {
    swiglu_forward_args args{};
    args.struct_size = sizeof args;
    args.m = m;
    args.x = x.data();
    args.w_gate = w_gate.data();
    args.w_up = w_up.data();
    args.out = out.data();
    if (store) {
      args.g = g.data();
      args.u = u.data();
    }
    return args;
  }

  bool untouched() const {
    for (const auto* output : {&out, &g, &u}) {
      for (const std::uint16_t element : *output) {
        if (element != kPoison) {
          return false;
        }
      }
    }
    return true;
  }
};

}  // namespace swiglu_test
