// Errors against limits: see judge.h.
#include "tools/bench/judge.h"

#include <cstdio>
#include <numeric>

#include "tools/cuda_handles.h"
#include "tools/oracle.h"

namespace swiglu::tool {
namespace {

std::string in_words(const std::string& what, const Errors& errors, const Limits& limits) {
  const auto number = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2e", value);
    return std::string(text);
  };
  return what + ": error " + number(errors.whole) + " (limit " + number(limits.whole) + "), in the block of row " +
         std::to_string(errors.worst_row) + ", column " + std::to_string(errors.worst_column) + " " +
         number(errors.worst_block) + " (limit " + number(limits.block) + ")";
}

}  // namespace

Json accept(const std::string& what, const Errors& errors, const Limits& limits) {
  if (!within(errors, limits)) {
    throw Failure("wrong result: " + in_words(what, errors, limits));
  }
  return {{"error", errors.whole}, {"worst_block_error", errors.worst_block}};
}

Json accept_whole(const Laboratory& laboratory, const std::string& what, const DeviceMatrixView& actual,
                  const DeviceMatrixView& expected, std::int64_t rows, std::int64_t columns, const Limits& limits) {
  std::vector<BlockSums> sums(static_cast<std::size_t>(block_count(rows, columns)));
  const DeviceBuffer on_device(sums.size() * sizeof(BlockSums));
  laboratory.code.compare(actual, expected, rows, columns, static_cast<BlockSums*>(on_device.get()),
                          laboratory.stream.get());
  laboratory.stream.synchronize();
  check_cuda(cudaMemcpy(sums.data(), on_device.get(), sums.size() * sizeof(BlockSums), cudaMemcpyDeviceToHost),
             "cudaMemcpy of error sums");
  return accept(what, errors_of(sums, rows, columns), limits);
}

Json accept_lines(const std::string& what, const std::vector<std::uint16_t>& actual, std::span<const double> expected,
                  const std::vector<std::int64_t>& lines, swiglu_dtype dtype, const Limits& limits) {
  std::vector<std::int64_t> all(lines.size());
  std::iota(all.begin(), all.end(), 0);
  const auto length = static_cast<std::int64_t>(expected.size() / lines.size());
  Errors errors = measure_errors(expected, gather(actual, length, all, dtype), length);
  errors.worst_row = lines[static_cast<std::size_t>(errors.worst_row)];
  return accept(what, errors, limits);
}

}  // namespace swiglu::tool
