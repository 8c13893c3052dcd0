// silu(g) * u = g * sigmoid(g) * u and its derivatives in the accumulator's type, as the kernels compute them
// (swiglu/activation.cuh). Pure.
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

template <typename Real>
struct GateGradient {
  Real dg;
  Real du;
};

// du = dout * silu(g) and dg = dout * u * silu'(g), where silu'(g) = s + g s (1 - s). With t = e^-|g| that is
// (1 + t + |g| t) / (1 + t)^2 from zero up and t (1 + t - |g|) / (1 + t)^2 below, t again in two factors. The limits at
// g = +inf and -inf are dout * u and -0 * (dout * u).
template <typename Real>
GateGradient<Real> gate_gradient(Real g, Real u, Real dout) {
  constexpr Real kFar = 4 * static_cast<Real>(std::numeric_limits<Real>::max_exponent);  // as -kNothing above
  const Real magnitude = std::fabs(g) > kFar ? kFar : std::fabs(g);                      // NaN stays
  const Real h = std::exp(-magnitude / 2);
  const Real t = h * h;
  const Real square = (1 + t) * (1 + t);
  const Real upstream = dout * u;
  const Real dg =
      g < 0 ? upstream * h * ((1 + t - magnitude) / square) * h : upstream * ((1 + t + magnitude * t) / square);
  return {dg, gate(g, dout)};
}

}  // namespace swiglu::cpu
