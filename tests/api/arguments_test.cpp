// swiglu_plan_create and the calls on a plan: every argument, good and bad. A refusal names the field and its value.
#include "api/api.h"

#include <cstddef>
#include <cstring>
#include <limits>

namespace swiglu_test {
namespace {

constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();

void check_refused(const swiglu_plan_desc& desc, swiglu_status expected, std::initializer_list<const char*> texts) {
  auto* const marker = reinterpret_cast<swiglu_plan*>(std::uintptr_t{16});
  swiglu_plan* plan = marker;
  check_failure(swiglu_plan_create(&plan, &desc), expected, texts);
  CHECK(plan == marker);  // output arguments are written only on success
}

template <typename Field, typename Value>
void check_field(Field swiglu_plan_desc::*field, Value value, swiglu_status expected,
                 std::initializer_list<const char*> texts, std::int32_t device = SWIGLU_DEVICE_CPU) {
  swiglu_plan_desc desc = description(device);
  const int bits = static_cast<int>(value);
  if constexpr (std::is_enum_v<Field>) {
    std::memcpy(&(desc.*field), &bits, sizeof bits);  // an enumerator that does not exist, as C can store it
  } else {
    desc.*field = static_cast<Field>(value);
  }
  check_refused(desc, expected, texts);
}

constexpr std::size_t kFirstSize = offsetof(swiglu_plan_desc, options);

TEST_CASE("NULL and struct_size") {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  swiglu_plan* plan = nullptr;
  check_failure(swiglu_plan_create(nullptr, &desc), SWIGLU_INVALID_ARGUMENT, {"plan is NULL"});
  check_failure(swiglu_plan_create(&plan, nullptr), SWIGLU_INVALID_ARGUMENT, {"swiglu_plan_desc is NULL"});
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, kFirstSize - 1, std::size_t{1} << 40, SIZE_MAX}) {
    desc.struct_size = size;
    check_refused(desc, SWIGLU_INVALID_ARGUMENT, {"struct_size", std::to_string(size).c_str(), "sizeof"});
  }
}

TEST_CASE("the first version's struct is read as far as it goes, and what follows is default") {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  desc.struct_size = kFirstSize;
  desc.ld_dout = desc.ld_dx = desc.ld_dw_gate = desc.ld_dw_up = -1;  // beyond the end: another object of the caller's
  desc.reserved = 99;
  desc.options = 0xffffffff;
  desc.tuning_seconds = -1;
  const PlanPointer plan = make_plan(desc);
  Buffers buffers;
  const swiglu_forward_args args = buffers.args(16);
  CHECK(swiglu_execute(plan.get(), &args, nullptr) == SWIGLU_OK);
}

TEST_CASE("a later version's struct is read where what this library does not know is zero") {
  struct Later {
    swiglu_plan_desc known;
    std::int64_t unknown[2];
  } later{description(SWIGLU_DEVICE_CPU), {0, 0}};
  later.known.struct_size = sizeof later;
  swiglu_plan* plan = nullptr;
  CHECK(swiglu_plan_create(&plan, &later.known) == SWIGLU_OK);
  swiglu_plan_destroy(plan);
  later.unknown[1] = 1;
  plan = nullptr;
  check_failure(swiglu_plan_create(&plan, &later.known), SWIGLU_INVALID_ARGUMENT, {"struct_size", "not zero"});
}

TEST_CASE("unknown enumerators and bits") {
  check_field(&swiglu_plan_desc::dtype, 0, SWIGLU_INVALID_ARGUMENT, {"dtype is 0", "SWIGLU_BF16"});
  check_field(&swiglu_plan_desc::dtype, SWIGLU_F32, SWIGLU_INVALID_ARGUMENT, {"dtype is 3"});
  check_field(&swiglu_plan_desc::dtype, -7, SWIGLU_INVALID_ARGUMENT, {"dtype is -7"});
  check_field(&swiglu_plan_desc::out_dtype, 99, SWIGLU_INVALID_ARGUMENT, {"out_dtype is 99"});
  check_field(&swiglu_plan_desc::out_dtype, SWIGLU_F16, SWIGLU_INVALID_ARGUMENT, {"out_dtype is 2"});  // of bf16 inputs
  check_field(&swiglu_plan_desc::accum, 0, SWIGLU_INVALID_ARGUMENT, {"accum is 0"});
  check_field(&swiglu_plan_desc::accum, 5, SWIGLU_INVALID_ARGUMENT, {"accum is 5"});
  check_field(&swiglu_plan_desc::weight_layout, 3, SWIGLU_INVALID_ARGUMENT, {"weight_layout is 3", "SWIGLU_NK"});
  check_field(&swiglu_plan_desc::activation, 1, SWIGLU_INVALID_ARGUMENT, {"activation is 1"});
  check_field(&swiglu_plan_desc::tuning, 3, SWIGLU_INVALID_ARGUMENT, {"tuning is 3"});
  check_field(&swiglu_plan_desc::passes, 16, SWIGLU_INVALID_ARGUMENT, {"passes is 0x10", "BACKWARD_RECOMPUTE"});
  check_field(&swiglu_plan_desc::dw_dtype, SWIGLU_F16, SWIGLU_INVALID_ARGUMENT, {"dw_dtype is 2"});  // of bf16 inputs
  check_field(&swiglu_plan_desc::dw_dtype, 77, SWIGLU_INVALID_ARGUMENT, {"dw_dtype is 77"});
  check_field(&swiglu_plan_desc::reserved, 1, SWIGLU_INVALID_ARGUMENT, {"reserved is 1"});
  check_field(&swiglu_plan_desc::device, -2, SWIGLU_INVALID_ARGUMENT, {"device is -2", "SWIGLU_DEVICE_CPU"});
}

TEST_CASE("combinations that do not exist, and those that only the CPU device serves") {
  check_field(&swiglu_plan_desc::accum, SWIGLU_ACCUM_F16, SWIGLU_INVALID_ARGUMENT, {"accum is 2", "SWIGLU_BF16"});
  check_field(&swiglu_plan_desc::accum, SWIGLU_ACCUM_F16_PROMOTED, SWIGLU_INVALID_ARGUMENT, {"accum is 3"});
  check_field(&swiglu_plan_desc::accum, SWIGLU_ACCUM_F64, SWIGLU_NOT_SUPPORTED, {"SWIGLU_ACCUM_F64", "device 0"}, 0);
  check_field(&swiglu_plan_desc::out_dtype, SWIGLU_F32, SWIGLU_NOT_SUPPORTED, {"out_dtype is 3", "device 0"}, 0);
  check_field(&swiglu_plan_desc::out_dtype, SWIGLU_F64, SWIGLU_NOT_SUPPORTED, {"out_dtype is 4"}, 0);
  check_field(&swiglu_plan_desc::dw_dtype, SWIGLU_F64, SWIGLU_NOT_SUPPORTED, {"dw_dtype is SWIGLU_F64", "device 0"}, 0);
}

TEST_CASE("extents") {
  for (const std::int64_t extent : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 31, kInt64Max}) {
    for (const auto field : {&swiglu_plan_desc::d_model, &swiglu_plan_desc::d_intermediate}) {
      swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
      desc.*field = extent;
      check_refused(desc, SWIGLU_INVALID_ARGUMENT,
                    {field == &swiglu_plan_desc::d_model ? "d_model is" : "d_intermediate is",
                     std::to_string(extent).c_str(), "2147483647"});
    }
  }
  swiglu_plan_desc largest = description(SWIGLU_DEVICE_CPU);
  largest.d_model = largest.d_intermediate = (std::int64_t{1} << 31) - 1;  // a little less than 2^63 bytes
  make_plan(largest);
  largest.ld_w_gate = std::int64_t{1} << 31;  // still less
  largest.ld_w_up = largest.ld_w_gate + 4;    // a little more
  check_refused(largest, SWIGLU_INVALID_ARGUMENT, {"ld_w_up is 2147483652", "overflow"});
}

TEST_CASE("leading dimensions") {
  struct Row {
    std::int64_t swiglu_plan_desc::*field;
    const char* name;
    std::int64_t length;
  };
  for (const Row row :
       {Row{&swiglu_plan_desc::ld_x, "ld_x is", 64}, Row{&swiglu_plan_desc::ld_w_gate, "ld_w_gate is", 96},
        Row{&swiglu_plan_desc::ld_w_up, "ld_w_up is", 96}, Row{&swiglu_plan_desc::ld_out, "ld_out is", 96},
        Row{&swiglu_plan_desc::ld_g, "ld_g is", 96}, Row{&swiglu_plan_desc::ld_u, "ld_u is", 96},
        Row{&swiglu_plan_desc::ld_dout, "ld_dout is", 96}, Row{&swiglu_plan_desc::ld_dx, "ld_dx is", 64},
        Row{&swiglu_plan_desc::ld_dw_gate, "ld_dw_gate is", 96}, Row{&swiglu_plan_desc::ld_dw_up, "ld_dw_up is", 96}}) {
    for (const std::int64_t bad : {row.length - 1, std::int64_t{1}, std::int64_t{-1}}) {
      check_field(row.field, bad, SWIGLU_INVALID_ARGUMENT,
                  {row.name, std::to_string(bad).c_str(), std::to_string(row.length).c_str()});
    }
    swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
    desc.*(row.field) = kInt64Max;
    check_refused(desc, SWIGLU_INVALID_ARGUMENT, {row.name, "overflow"});
    desc.*(row.field) = row.length + 1;
    make_plan(desc);
  }
  swiglu_plan_desc nk = description(SWIGLU_DEVICE_CPU);
  nk.weight_layout = SWIGLU_NK;
  nk.ld_w_gate = 63;
  check_refused(nk, SWIGLU_INVALID_ARGUMENT, {"ld_w_gate is 63", "64", "SWIGLU_NK"});
}

TEST_CASE("calls on a plan") {
  swiglu_plan_desc desc = description(SWIGLU_DEVICE_CPU);
  const PlanPointer plan = make_plan(desc);
  CHECK(swiglu_plan_prepare(plan.get(), 128) == SWIGLU_OK);
  CHECK(swiglu_plan_prepare(plan.get(), 0) == SWIGLU_OK);
  CHECK(swiglu_plan_prepare(plan.get(), -1) == SWIGLU_OK);
  check_failure(swiglu_plan_prepare(nullptr, 1), SWIGLU_INVALID_ARGUMENT, {"plan is NULL"});
  swiglu_plan_destroy(nullptr);

  std::size_t bytes = 77;
  CHECK(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_FORWARD, 128, &bytes) == SWIGLU_OK);
  CHECK(bytes == 0);
  bytes = 77;
  const auto workspace = [&](std::uint32_t pass, std::int64_t m) {
    return swiglu_plan_workspace_size(plan.get(), pass, m, &bytes);
  };
  check_failure(workspace(0, 1), SWIGLU_INVALID_ARGUMENT, {"pass is 0"});
  check_failure(workspace(3, 1), SWIGLU_INVALID_ARGUMENT, {"pass is 0x3"});
  check_failure(workspace(SWIGLU_PASS_FORWARD_STORE, 1), SWIGLU_INVALID_ARGUMENT, {"pass is 0x2", "passes = 0x1"});
  check_failure(workspace(SWIGLU_PASS_FORWARD, -1), SWIGLU_INVALID_ARGUMENT, {"m is -1"});
  check_failure(swiglu_plan_workspace_size(nullptr, SWIGLU_PASS_FORWARD, 1, &bytes), SWIGLU_INVALID_ARGUMENT, {"plan"});
  check_failure(swiglu_plan_workspace_size(plan.get(), SWIGLU_PASS_FORWARD, 1, nullptr), SWIGLU_INVALID_ARGUMENT,
                {"bytes is NULL"});
  CHECK(bytes == 77);

  char buffer[4];
  check_failure(swiglu_plan_describe(nullptr, 1, buffer, sizeof buffer, nullptr), SWIGLU_INVALID_ARGUMENT, {"plan"});
  check_failure(swiglu_plan_describe(plan.get(), 0, buffer, sizeof buffer, nullptr), SWIGLU_INVALID_ARGUMENT,
                {"m is 0"});
  check_failure(swiglu_plan_describe(plan.get(), 1, nullptr, 4, nullptr), SWIGLU_INVALID_ARGUMENT,
                {"buffer is NULL", "4"});
}

}  // namespace
}  // namespace swiglu_test
