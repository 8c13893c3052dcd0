// silu(g) * u = g * sigmoid(g) * u in the accumulator's type, as the kernels compute it (swiglu/activation.cuh). Pure.
//
// Below zero sigmoid(g) is h * h / (1 + h * h) with h = e^(g/2), one h multiplied in on either side of u: nothing
// overflows, and the result stays accurate where e^g alone would be denormal and u is large. NaN in g or u gives NaN; g
// = +inf gives inf * u; g = -inf gives its limit, -0 * u.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace swiglu::cpu {

template <typename Real>
Real gate(Real g, Real u) {
  if (!(g < 0)) {
    return g / (1 + std::exp(-g)) * u;
  }
  // e^(g/2) is zero from here on down; g itself must not become -inf * 0.
  constexpr Real kNothing = -4 * static_cast<Real>(std::numeric_limits<Real>::max_exponent);
  const Real bounded = std::max(g, kNothing);
  const Real h = std::exp(bounded / 2);
  return bounded * h / (1 + h * h) * u * h;
}

}  // namespace swiglu::cpu
