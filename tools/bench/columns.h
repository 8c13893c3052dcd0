// A number in a table's column.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>

namespace swiglu::tool {

// "-" for what was not measured (NaN).
inline std::string column(double value, int width, int decimals) {
  char text[64];
  if (std::isnan(value)) {
    std::snprintf(text, sizeof text, "%*s", width, "-");
  } else {
    std::snprintf(text, sizeof text, "%*.*f", width, decimals, value);
  }
  return text;
}

}  // namespace swiglu::tool
