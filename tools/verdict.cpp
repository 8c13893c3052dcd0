// Judging an execution: see verdict.h.
#include "tools/verdict.h"

#include <algorithm>

#include "tools/oracle.h"

namespace swiglu::tool {

Verdict judge(const swiglu_plan_desc& desc, const RandomProblem& problem, const Execution& execution, std::int64_t m,
              std::int64_t check_rows) {
  const std::int64_t count = check_rows != 0 ? check_rows : affordable_rows(desc.d_model, desc.d_intermediate);
  const std::vector<std::int64_t> rows = sample_rows(m, count);
  const Reference reference = compute_reference(desc, problem, rows);
  const bool f16_sums = desc.accum == SWIGLU_ACCUM_F16 || desc.accum == SWIGLU_ACCUM_F16_PROMOTED;
  const swiglu_accum accum = desc.device == SWIGLU_DEVICE_CPU && f16_sums ? SWIGLU_ACCUM_F32 : desc.accum;

  Verdict verdict;
  verdict.rows_checked = static_cast<std::int64_t>(rows.size());
  verdict.limits = error_limits(desc.dtype, accum, desc.d_model, verdict.rows_checked * desc.d_intermediate);
  const auto add = [&](const char* name, const std::vector<double>& expected, const std::vector<std::uint16_t>& bits) {
    if (!bits.empty()) {
      const std::vector<double> actual = gather(bits, desc.d_intermediate, rows, desc.dtype);
      Errors errors = measure_errors(expected, actual, desc.d_intermediate);
      errors.worst_row = rows[static_cast<std::size_t>(errors.worst_row)];  // of the sample -> of the problem
      verdict.outputs.push_back({name, errors});
    }
  };
  add("out", reference.out, execution.outputs.out);
  add("g", reference.g, execution.outputs.g);
  add("u", reference.u, execution.outputs.u);
  verdict.unfused_error = measure_errors(reference.out, unfused(reference, desc.dtype), desc.d_intermediate).whole;
  verdict.passed = execution.repeatable && std::all_of(verdict.outputs.begin(), verdict.outputs.end(),
                                                       [&](const auto& o) { return within(o.errors, verdict.limits); });
  return verdict;
}

}  // namespace swiglu::tool
