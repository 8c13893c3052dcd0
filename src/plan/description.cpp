#include "plan/description.h"

#include <cstring>
#include <initializer_list>
#include <limits>

#include "base/error.h"
#include "plan/bucket.h"

namespace swiglu {
namespace {

constexpr std::uint32_t kBackwardPasses = SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
constexpr std::uint32_t kForwardPasses = SWIGLU_PASS_FORWARD | SWIGLU_PASS_FORWARD_STORE;
constexpr std::uint32_t kAllPasses = kForwardPasses | kBackwardPasses;
constexpr std::int64_t kMaxExtent = std::numeric_limits<std::int32_t>::max();

// An enumerator as the caller stored it, which may be none of the enum's.
template <typename Enum>
int stored_value(const Enum& field) {
  int value = 0;
  static_assert(sizeof value == sizeof field);
  std::memcpy(&value, &field, sizeof value);
  return value;
}

template <typename Enum>
void check_enum(const Enum& field, std::initializer_list<Enum> known, const char* name, const char* allowed) {
  const int value = stored_value(field);
  for (const Enum enumerator : known) {
    if (value == static_cast<int>(enumerator)) {
      return;
    }
  }
  fail(SWIGLU_INVALID_ARGUMENT, "{} is {}; it must be {}", name, value, allowed);
}

void check_types(const swiglu_plan_desc& desc) {
  check_enum(desc.dtype, {SWIGLU_BF16, SWIGLU_F16}, "dtype", "SWIGLU_BF16 (1) or SWIGLU_F16 (2)");
  check_enum(desc.out_dtype, {swiglu_dtype{}, desc.dtype, SWIGLU_F32, SWIGLU_F64}, "out_dtype",
             "0 or the dtype, or on the CPU device SWIGLU_F32 (3) or SWIGLU_F64 (4)");
  check_enum(desc.dw_dtype, {swiglu_dtype{}, desc.dtype, SWIGLU_F32, SWIGLU_F64}, "dw_dtype",
             "0 for out_dtype, or the dtype, SWIGLU_F32 (3), or on the CPU device SWIGLU_F64 (4)");
  check_enum(desc.accum, {SWIGLU_ACCUM_F32, SWIGLU_ACCUM_F16, SWIGLU_ACCUM_F16_PROMOTED, SWIGLU_ACCUM_F64}, "accum",
             "SWIGLU_ACCUM_F32 (1), SWIGLU_ACCUM_F16 (2), SWIGLU_ACCUM_F16_PROMOTED (3) or SWIGLU_ACCUM_F64 (4)");
  check_enum(desc.weight_layout, {SWIGLU_KN, SWIGLU_NK}, "weight_layout", "SWIGLU_KN (1) or SWIGLU_NK (2)");
  check_enum(desc.activation, {SWIGLU_ACTIVATION_SILU}, "activation", "SWIGLU_ACTIVATION_SILU (0)");
  check_enum(desc.tuning, {SWIGLU_TUNING_ESTIMATE, SWIGLU_TUNING_CACHED_ONLY, SWIGLU_TUNING_MEASURE}, "tuning",
             "SWIGLU_TUNING_ESTIMATE (0), SWIGLU_TUNING_CACHED_ONLY (1) or SWIGLU_TUNING_MEASURE (2)");
  if (desc.dtype == SWIGLU_BF16 && (desc.accum == SWIGLU_ACCUM_F16 || desc.accum == SWIGLU_ACCUM_F16_PROMOTED)) {
    fail(SWIGLU_INVALID_ARGUMENT, "accum is {} (f16) with dtype SWIGLU_BF16: f16 accumulators need dtype SWIGLU_F16",
         static_cast<int>(desc.accum));
  }
  if ((desc.passes & ~kAllPasses) != 0) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "passes is {:#x}, which has unknown bits: or together SWIGLU_PASS_FORWARD (1), SWIGLU_PASS_FORWARD_STORE (2), "
         "SWIGLU_PASS_BACKWARD (4) and SWIGLU_PASS_BACKWARD_RECOMPUTE (8)",
         desc.passes);
  }
  if (desc.reserved != 0) {
    fail(SWIGLU_INVALID_ARGUMENT, "reserved is {}; it must be 0", desc.reserved);
  }
}

void check_device(const swiglu_plan_desc& desc) {
  if (desc.device < SWIGLU_DEVICE_CPU) {
    fail(SWIGLU_INVALID_ARGUMENT, "device is {}; it must be a CUDA ordinal from 0 up, or SWIGLU_DEVICE_CPU (-1)",
         desc.device);
  }
  if (desc.device == SWIGLU_DEVICE_CPU) {
    return;
  }
  if (desc.accum == SWIGLU_ACCUM_F64) {
    fail(SWIGLU_NOT_SUPPORTED, "accum is SWIGLU_ACCUM_F64 on CUDA device {}: only SWIGLU_DEVICE_CPU accumulates in f64",
         desc.device);
  }
  if (desc.out_dtype == SWIGLU_F32 || desc.out_dtype == SWIGLU_F64) {
    fail(SWIGLU_NOT_SUPPORTED, "out_dtype is {} on CUDA device {}: only SWIGLU_DEVICE_CPU writes f32 or f64",
         static_cast<int>(desc.out_dtype), desc.device);
  }
  if (desc.dw_dtype == SWIGLU_F64) {
    fail(SWIGLU_NOT_SUPPORTED, "dw_dtype is SWIGLU_F64 on CUDA device {}: only SWIGLU_DEVICE_CPU writes f64",
         desc.device);
  }
}

int check_extent(std::int64_t value, const char* name) {
  if (value < 1 || value > kMaxExtent) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is {}; it must be 1 .. {}", name, value, kMaxExtent);
  }
  return static_cast<int>(value);
}

std::int64_t check_pitch(std::int64_t given, std::int64_t row_length, int bytes, const char* name,
                         const char* row_length_name) {
  if (given == 0) {
    return row_length;
  }
  if (given < row_length) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is {}; it must be at least {} ({}), or 0 for exactly that", name, given,
         row_length, row_length_name);
  }
  if (given > std::numeric_limits<std::int64_t>::max() / bytes) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is {} elements of {} bytes, which overflows 64 bits", name, given, bytes);
  }
  return given;
}

// The weights' extent is known before any execution.
void check_weight_extent(std::int64_t rows, std::int64_t ld, int element_size, const char* name) {
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(rows, ld, &bytes) || __builtin_mul_overflow(bytes, element_size, &bytes)) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} is {}: {} rows of that many elements overflow 64 bits in bytes", name, ld, rows);
  }
}

void check_tuning(const swiglu_plan_desc& desc) {
  constexpr float kMostSeconds = 3600;
  constexpr std::uint32_t kKnown = std::uint32_t{SWIGLU_OPTION_BATCH_INVARIANT} | SWIGLU_OPTION_IGNORE_RECORDS;
  if ((desc.options & ~kKnown) != 0) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "options is {:#x}, which has unknown bits: or together SWIGLU_OPTION_BATCH_INVARIANT (1), "
         "SWIGLU_OPTION_IGNORE_RECORDS (2)",
         desc.options);
  }
  if ((desc.options & SWIGLU_OPTION_IGNORE_RECORDS) != 0 && desc.tuning == SWIGLU_TUNING_MEASURE) {
    fail(SWIGLU_INVALID_ARGUMENT,
         "options has SWIGLU_OPTION_IGNORE_RECORDS, and tuning is SWIGLU_TUNING_MEASURE, which goes by records: use "
         "SWIGLU_TUNING_ESTIMATE");
  }
  if (!(desc.tuning_seconds >= 0 && desc.tuning_seconds <= kMostSeconds)) {
    fail(SWIGLU_INVALID_ARGUMENT, "tuning_seconds is {}; it must be 0 .. {}", desc.tuning_seconds, kMostSeconds);
  }
}

// All row pitches, in bytes and or-ed, of what a kernel of the pass touches of the caller's.
std::uint64_t row_pitches(const PlanSpec& spec, Pass pass) {
  const auto bits = [](std::int64_t ld, int bytes) {
    return static_cast<std::uint64_t>(ld) * static_cast<std::uint64_t>(bytes);
  };
  const std::uint64_t x = bits(spec.ld_x, kElementBytes);
  const std::uint64_t weights = bits(spec.ld_w_gate, kElementBytes) | bits(spec.ld_w_up, kElementBytes);
  const std::uint64_t stored = bits(spec.ld_g, kElementBytes) | bits(spec.ld_u, kElementBytes);
  const std::uint64_t dout = bits(spec.ld_dout, kElementBytes);
  const int dw_bytes = element_bytes(spec.dw_dtype);
  const std::uint64_t dw = bits(spec.ld_dw_gate, dw_bytes) | bits(spec.ld_dw_up, dw_bytes);
  switch (pass) {
    case Pass::forward:
      return x | weights | bits(spec.ld_out, kElementBytes);
    case Pass::forward_store:
      return x | weights | bits(spec.ld_out, kElementBytes) | stored;
    case Pass::recompute:
      return x | weights | dout;
    case Pass::dgate:
      return dout | stored;
    case Pass::dx:
      return weights | bits(spec.ld_dx, kElementBytes);
    case Pass::dgate_dx:
      return dout | stored | weights | bits(spec.ld_dx, kElementBytes);
    case Pass::dw:
    case Pass::dw_single:
      return x | dw;
    case Pass::dgate_dw:
      return dout | stored | x | dw;
    case Pass::pad:
      return x | weights;
    case Pass::unpad:
      return bits(spec.ld_out, kElementBytes) | (wants(spec, Pass::forward_store) ? stored : 0);
    case Pass::dw_sum:
      break;
  }
  return dw;
}

int row_alignment(std::uint64_t pitches) {
  // A tensor map's pitch ends at 2^40 bytes; what has longer rows goes without.
  int bytes = pitches >= std::uint64_t{1} << 40 ? 8 : 16;
  while (bytes > kElementBytes && pitches % static_cast<std::uint64_t>(bytes) != 0) {
    bytes /= 2;
  }
  return bytes;
}

Accum accum_of(swiglu_accum accum) {
  switch (accum) {
    case SWIGLU_ACCUM_F16:
      return Accum::f16;
    case SWIGLU_ACCUM_F16_PROMOTED:
      return Accum::f16_promoted;
    default:
      return Accum::f32;
  }
}

}  // namespace

int element_bytes(swiglu_dtype dtype) {
  switch (dtype) {
    case SWIGLU_F32:
      return 4;
    case SWIGLU_F64:
      return 8;
    default:
      return kElementBytes;
  }
}

PlanSpec check_description(const swiglu_plan_desc& desc) {
  check_types(desc);
  check_device(desc);
  PlanSpec spec{};
  spec.dtype = desc.dtype == SWIGLU_BF16 ? DType::bf16 : DType::f16;
  spec.out_dtype = stored_value(desc.out_dtype) == 0 ? desc.dtype : desc.out_dtype;
  spec.dw_dtype = stored_value(desc.dw_dtype) == 0 ? spec.out_dtype : desc.dw_dtype;
  spec.accum = desc.accum;
  spec.layout = desc.weight_layout == SWIGLU_KN ? Layout::kn : Layout::nk;
  spec.passes = desc.passes == 0 ? std::uint32_t{SWIGLU_PASS_FORWARD} : desc.passes;
  spec.d_model = check_extent(desc.d_model, "d_model");
  spec.d_intermediate = check_extent(desc.d_intermediate, "d_intermediate");
  const bool kn = spec.layout == Layout::kn;
  const std::int64_t weight_row = kn ? spec.d_intermediate : spec.d_model;
  const std::int64_t weight_rows = kn ? spec.d_model : spec.d_intermediate;
  const char* weight_row_name =
      kn ? "d_intermediate, as the layout is SWIGLU_KN" : "d_model, as the layout is SWIGLU_NK";
  const int out_bytes = element_bytes(spec.out_dtype);
  spec.ld_x = check_pitch(desc.ld_x, spec.d_model, kElementBytes, "ld_x", "d_model");
  spec.ld_w_gate = check_pitch(desc.ld_w_gate, weight_row, kElementBytes, "ld_w_gate", weight_row_name);
  spec.ld_w_up = check_pitch(desc.ld_w_up, weight_row, kElementBytes, "ld_w_up", weight_row_name);
  spec.ld_out = check_pitch(desc.ld_out, spec.d_intermediate, out_bytes, "ld_out", "d_intermediate");
  spec.ld_g = check_pitch(desc.ld_g, spec.d_intermediate, out_bytes, "ld_g", "d_intermediate");
  spec.ld_u = check_pitch(desc.ld_u, spec.d_intermediate, out_bytes, "ld_u", "d_intermediate");
  spec.ld_dout = check_pitch(desc.ld_dout, spec.d_intermediate, out_bytes, "ld_dout", "d_intermediate");
  spec.ld_dx = check_pitch(desc.ld_dx, spec.d_model, out_bytes, "ld_dx", "d_model");
  const int dw_bytes = element_bytes(spec.dw_dtype);
  spec.ld_dw_gate = check_pitch(desc.ld_dw_gate, weight_row, dw_bytes, "ld_dw_gate", weight_row_name);
  spec.ld_dw_up = check_pitch(desc.ld_dw_up, weight_row, dw_bytes, "ld_dw_up", weight_row_name);
  check_weight_extent(weight_rows, spec.ld_w_gate, kElementBytes, "ld_w_gate");
  check_weight_extent(weight_rows, spec.ld_w_up, kElementBytes, "ld_w_up");
  if ((spec.passes & kBackwardPasses) != 0) {
    check_weight_extent(weight_rows, spec.ld_dw_gate, dw_bytes, "ld_dw_gate");
    check_weight_extent(weight_rows, spec.ld_dw_up, dw_bytes, "ld_dw_up");
  }
  spec.device = desc.device;
  check_tuning(desc);
  spec.cached_only = desc.tuning == SWIGLU_TUNING_CACHED_ONLY;
  spec.measure = desc.tuning == SWIGLU_TUNING_MEASURE;
  spec.batch_invariant = (desc.options & SWIGLU_OPTION_BATCH_INVARIANT) != 0;
  spec.ignores_records = (desc.options & SWIGLU_OPTION_IGNORE_RECORDS) != 0;
  spec.tuning_seconds = static_cast<double>(desc.tuning_seconds);
  return spec;
}

bool wants(const PlanSpec& spec, Pass pass) {
  switch (pass) {
    case Pass::forward:
      return (spec.passes & SWIGLU_PASS_FORWARD) != 0;
    case Pass::forward_store:
      return (spec.passes & SWIGLU_PASS_FORWARD_STORE) != 0;
    case Pass::recompute:
      return (spec.passes & SWIGLU_PASS_BACKWARD_RECOMPUTE) != 0;
    case Pass::dgate:
    case Pass::dgate_dx:
    case Pass::dgate_dw:
      return (spec.passes & SWIGLU_PASS_BACKWARD) != 0;
    case Pass::pad:
    case Pass::unpad:
      return (spec.passes & kForwardPasses) != 0 && problem_of(spec, pass).access_bytes < kChunkBytes;
    default:
      return (spec.passes & kBackwardPasses) != 0;
  }
}

Problem problem_of(const PlanSpec& spec, Pass pass) {
  Problem problem{spec.dtype,
                  accum_of(spec.accum),
                  spec.layout,
                  pass,
                  spec.d_model,
                  spec.d_intermediate,
                  row_alignment(row_pitches(spec, pass))};
  if (is_dw(pass) || !is_product(pass)) {
    problem.accum = Accum::f32;
  } else if (is_dx(pass) && problem.accum == Accum::f16) {
    problem.accum = Accum::f16_promoted;
  }
  if (is_dw(pass) || pass == Pass::dw_sum) {
    problem.gradient = spec.dw_dtype == SWIGLU_F32 ? Gradient::f32 : Gradient::element;
  }
  return problem;
}

Problem unaligned(Problem problem) {
  problem.access_bytes = kElementBytes;
  return problem;
}

Problem padded_rows(Problem problem) {
  problem.access_bytes = kChunkBytes;
  return problem;
}

bool needs_padding(std::int64_t ld) {
  return row_alignment(static_cast<std::uint64_t>(ld) * kElementBytes) < kChunkBytes;
}

int bucket_for(const PlanSpec& spec, std::int64_t m) { return spec.batch_invariant ? kEveryM : bucket_of(m); }

}  // namespace swiglu
