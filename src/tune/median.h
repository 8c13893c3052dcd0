// What stands in the middle of samples: of the tuner and of the programs that hold it to its promises. Stateless.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace swiglu {

// `values` are not empty; of an even number of them the mean of the two in the middle.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace swiglu
