// The float64 reference: see oracle.h.
#include "tools/oracle.h"

#include <algorithm>
#include <cmath>

#include "tools/float16.h"
#include "tools/host_matrix.h"
#include "tools/library.h"

namespace swiglu::tool {

std::vector<std::int64_t> sample_rows(std::int64_t m, std::int64_t count) {
  std::vector<std::int64_t> rows;
  if (m <= count || count < 3) {
    for (std::int64_t row = 0; row < m; ++row) {
      rows.push_back(row);
    }
    return rows;
  }
  rows.push_back(0);
  const std::int64_t bands = count - 2;
  const std::int64_t inner = m - 2;  // rows 1 .. m-2
  for (std::int64_t band = 0; band < bands; ++band) {
    const std::int64_t begin = 1 + inner * band / bands;
    const std::int64_t end = 1 + inner * (band + 1) / bands;
    const auto offset = mix(static_cast<std::uint64_t>(band)) % static_cast<std::uint64_t>(end - begin);
    rows.push_back(begin + static_cast<std::int64_t>(offset));
  }
  rows.push_back(m - 1);
  return rows;
}

std::int64_t affordable_rows(std::int64_t d_model, std::int64_t d_intermediate) {
  constexpr double kMultiplyAdds = 8e9;
  constexpr double kFewest = 32;
  constexpr double kMost = 1 << 20;
  const double of_one_row = 2.0 * static_cast<double>(d_model) * static_cast<double>(d_intermediate);
  return static_cast<std::int64_t>(std::clamp(kMultiplyAdds / of_one_row, kFewest, kMost));
}

Reference compute_reference(const swiglu_plan_desc& desc, const RandomProblem& problem,
                            const std::vector<std::int64_t>& rows) {
  std::vector<std::uint16_t> x;
  for (const std::int64_t row : rows) {
    const auto begin = problem.x.begin() + row * desc.d_model;
    x.insert(x.end(), begin, begin + desc.d_model);
  }
  swiglu_plan_desc oracle = desc;
  oracle.device = SWIGLU_DEVICE_CPU;
  oracle.accum = SWIGLU_ACCUM_F64;
  oracle.out_dtype = SWIGLU_F64;
  oracle.passes = SWIGLU_PASS_FORWARD_STORE;
  const Plan plan = create_plan(oracle);

  const auto matrix = [&](const char* name) {
    return host_matrix<double>(name, static_cast<std::int64_t>(rows.size()), desc.d_intermediate);
  };
  Reference reference{matrix("reference of out"), matrix("reference of g"), matrix("reference of u")};
  swiglu_forward_args args{};
  args.struct_size = sizeof args;
  args.m = static_cast<std::int64_t>(rows.size());
  args.x = x.data();
  args.w_gate = problem.w_gate.data();
  args.w_up = problem.w_up.data();
  args.out = reference.out.data();
  args.g = reference.g.data();
  args.u = reference.u.data();
  check(swiglu_execute(plan.get(), &args, nullptr));
  return reference;
}

std::vector<double> unfused(const Reference& reference, swiglu_dtype dtype) {
  const auto rounded = [dtype](double value) {
    return static_cast<double>(widen(dtype, narrow(dtype, static_cast<float>(value))));
  };
  std::vector<double> out(reference.out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double g = rounded(reference.g[i]);
    out[i] = rounded(rounded(g / (1.0 + std::exp(-g))) * rounded(reference.u[i]));
  }
  return out;
}

std::vector<double> gather(const std::vector<std::uint16_t>& matrix, std::int64_t columns,
                           const std::vector<std::int64_t>& rows, swiglu_dtype dtype) {
  std::vector<double> values;
  values.reserve(rows.size() * static_cast<std::size_t>(columns));
  for (const std::int64_t row : rows) {
    const auto begin = matrix.begin() + row * columns;
    std::transform(begin, begin + columns, std::back_inserter(values),
                   [dtype](std::uint16_t bits) { return static_cast<double>(widen(dtype, bits)); });
  }
  return values;
}

}  // namespace swiglu::tool
