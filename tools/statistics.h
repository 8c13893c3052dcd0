// Summaries of samples. Of no samples: NaN, which prints as "-" and is null in JSON.
#pragma once

#include <vector>

namespace swiglu::tool {

// The value below which the fraction `at` (0..1) of the sorted samples lies, interpolated linearly.
double quantile(std::vector<double> values, double at);

double median(std::vector<double> values);

// Distance between the quartiles over the median: half of the samples lie in a band that wide.
double spread(const std::vector<double>& values);

// Of positive values.
double geometric_mean(const std::vector<double>& values);

}  // namespace swiglu::tool
