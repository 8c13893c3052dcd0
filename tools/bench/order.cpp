// The design: see order.h.
#include "tools/bench/order.h"

#include <algorithm>

namespace swiglu::tool {

// 0, 1, -1, 2, -2, ...: neighbours differ by 1, -2, 3, -4, ..., and adding the round to all of them keeps it so. Modulo
// an even count these are all the differences that there are; modulo an odd one every other difference twice, and those
// left out are what the reversed rounds have.
std::vector<std::size_t> order_of_round(std::size_t count, int round) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t step = (i + 1) / 2;
    order[i] = (static_cast<std::size_t>(round) + (i % 2 == 1 ? step : count - step)) % count;
  }
  if (count % 2 == 1 && round % 2 == 1) {
    std::reverse(order.begin(), order.end());
  }
  return order;
}

}  // namespace swiglu::tool
